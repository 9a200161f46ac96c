import type { ResetCode } from '../codes.ts'
import type { Facts } from '../flow.ts'
import type { Limits } from '../limits.ts'
import type { Link } from '../link.ts'
import type { TunnelClock } from '../port.ts'

export type Role = 'client' | 'connector'

export type Credential =
  | { readonly kind: 'session'; readonly token: string }
  | { readonly kind: 'connector'; readonly connectorId: string }

/** READY's `you`. */
export type You =
  | {
      readonly kind: 'client'
      readonly email?: string
      readonly subject: string
      readonly sessionId: string
      /** Milliseconds since the epoch. */
      readonly expiresAt: number
    }
  | {
      readonly kind: 'connector'
      readonly connectorId: string
      readonly name: string
      /** Canonical patterns of names/pattern.ts. */
      readonly grants: readonly string[]
    }

export interface DialHandshake {
  readonly role: Role
  /** Of the program, for the record. */
  readonly version: string
  /** Connector: its id and a random part per process start. */
  readonly instance?: string
  readonly credential: Credential
  /** Signs identity/proof.ts' transcript with the device or connector key. */
  sign(transcript: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** What the device says of itself. */
  readonly facts: Facts
  /** Refuses an edge of another deployment before anything is sent to it. */
  readonly deployment?: string
}

export interface Ready {
  readonly deployment: string
  readonly edgeName: string
  readonly edgeVersion: string
  readonly features: readonly string[]
  readonly limits: Limits
  /** URLs of every edge of the deployment, this one among them. */
  readonly edges: readonly string[]
  /** False: TLS ends before the edge. */
  readonly exporterMatched: boolean
  readonly keyAgreement: string | undefined
  readonly you: You
}

/**
 * The client's or connector's side: HELLO in, AUTH out, READY in. Zero masks are on afterwards if the
 * exporters matched.
 * @throws TunnelError with what the edge closed with, `protocol-error` or `tunnel-lost`
 */
export declare function dialHandshake(
  link: Link,
  options: DialHandshake,
  clock: TunnelClock,
): Promise<Ready>

/** What a peer claims and has signed; nothing of it is checked yet but its shape and the exporter. */
export interface Auth {
  readonly role: Role
  readonly version: string
  readonly instance?: string
  readonly credential: Credential
  readonly facts: Facts
  /** As the peer says: a server cannot see it. */
  readonly keyAgreement?: string
  /** The bytes of identity/proof.ts that `signature` must be over. */
  readonly transcript: Uint8Array
  readonly signature: Uint8Array
  readonly exporterMatched: boolean
  readonly remoteAddress: string
}

export type AuthOutcome =
  | { readonly kind: 'accepted'; readonly you: You }
  | { readonly kind: 'refused'; readonly code: ResetCode; readonly reason: string }

export interface AcceptHandshake {
  readonly deployment: string
  readonly edgeName: string
  readonly version: string
  readonly edges: readonly string[]
  readonly limits?: Limits
  /** A load balancer ends TLS in front: peers whose exporter differs are taken as well. */
  readonly tlsEndsBeforeEdge?: boolean
  /** Verifies credential and signature. */
  authenticate(auth: Auth): Promise<AuthOutcome>
}

export interface Accepted {
  readonly auth: Auth
  readonly you: You
}

/**
 * The edge's side. A peer that is silent for 5 s, says more than 16 KiB or is refused is closed with
 * the code; the answer is then undefined. After `Accepted`, attach the link in the same turn.
 */
export declare function acceptHandshake(
  link: Link,
  options: AcceptHandshake,
  clock: TunnelClock,
): Promise<Accepted | undefined>
