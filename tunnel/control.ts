import type { ResetCode } from './codes.ts'
import type { Facts, Protocol } from './flow.ts'

/** The typed messages beside flows (SPEC.md §8); `messages/` reads and writes them. */
export type ControlMessage =
  | Announce
  | Catalog
  | Resolve
  | Resolved
  | Renew
  | Renewed
  | SignIn
  | FactsReport
  | Cut
  | Probe
  | Notice

/** One port (`from` = `to`) or a range. */
export interface PortRange {
  readonly from: number
  readonly to: number
  readonly protocol: Protocol
}

/** Connector → edge: all it offers; each ANNOUNCE replaces the one before. */
export interface Announce {
  readonly kind: 'announce'
  readonly apps: readonly AnnouncedApp[]
}

export interface AnnouncedApp {
  /** A canonical pattern of names/pattern.ts. */
  readonly pattern: string
  readonly ports: readonly PortRange[]
  /** The app's own `to` names where it goes: what is asked for is not what is dialled. */
  readonly fixedTo: boolean
  readonly health: 'ok' | 'failing' | 'unknown'
}

/** Edge → client: which names are byname's for this person; each CATALOG replaces the one before. */
export interface Catalog {
  readonly kind: 'catalog'
  readonly revision: number
  readonly zones: readonly string[]
  readonly entries: readonly CatalogEntry[]
}

export interface CatalogEntry {
  readonly pattern: string
  readonly owned: boolean
  readonly ports: readonly PortRange[]
}

/** Client → edge → connector: a real DNS question. `id` is of the asking tunnel. */
export interface Resolve {
  readonly kind: 'resolve'
  readonly id: number
  readonly name: string
  readonly type: string
}

export interface Resolved {
  readonly kind: 'resolved'
  readonly id: number
  readonly answer: 'exists' | 'absent' | 'no-data' | 'failed' | 'refused'
  readonly ttlSeconds: number
  readonly records: readonly DnsRecord[]
  readonly reason?: string
}

export interface DnsRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  /** The RDATA as it would be on the wire, names uncompressed. */
  readonly dataBase64: string
}

/** Client → edge: a new proof for the next token. */
export interface Renew {
  readonly kind: 'renew'
  readonly proof: string
}

/** Edge → client. */
export interface Renewed {
  readonly kind: 'renewed'
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Edge → client: the person must sign in again at this address. */
export interface SignIn {
  readonly kind: 'signin'
  readonly url: string
  readonly reason: string
}

/** Client or connector → edge: what the device says of itself. */
export interface FactsReport {
  readonly kind: 'facts'
  readonly facts: Facts
}

/** Edge → client: more about a flow that was just reset. */
export interface Cut {
  readonly kind: 'cut'
  readonly flowId: string
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
}

/** Edge → connector: check the origin of this name now. */
export interface Probe {
  readonly kind: 'probe'
  readonly id: number
  readonly name: string
  readonly port: number
}

/** Something a person or an admin should read. */
export interface Notice {
  readonly kind: 'notice'
  readonly level: 'info' | 'warning' | 'error'
  readonly code: string
  readonly text: string
  readonly facts: Facts
}

/** Reads and writes control frames: `messages/control.ts` has the one that is used. */
export interface ControlCodec {
  /** @throws TunnelError `protocol-error` */
  decode(type: number, body: Uint8Array): ControlMessage
  encode(message: ControlMessage): { readonly type: number; readonly body: Uint8Array }
}
