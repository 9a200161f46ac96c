import type { Hostname } from '../names/hostname.ts'
import type { Log } from '../process/log.ts'
import type { Ownership } from '../resolver/catalog.ts'
import type { Resolved } from '../resolver/dns/lookup.ts'
import type { Flow, FlowHandlers, FlowTarget } from './flow.ts'
import type { Profile } from './profile.ts'

/** The client's one connection to its edge: on-ramps open flows on it and ask it which names are ours. */
export interface Way {
  /** Which names are byname's; answers from disk at once, follows the edge's CATALOG. */
  readonly ownership: Ownership
  readonly person: { readonly email?: string | undefined; readonly subject: string }
  /**
   * Resolves when this way can tell names apart: at once with a catalogue on disk or else with the
   * first CATALOG. Rejects with ERR_SESSION_OVER (exitCode 4) or, after `timeoutMs`, with
   * ERR_EDGE_UNREACHABLE (exitCode 3).
   */
  ready(timeoutMs: number): Promise<void>
  /** Returns at once; with no tunnel it waits a bounded time, then `refused` with 'tunnel-lost'. */
  open(target: FlowTarget, handlers: FlowHandlers): Flow
  /** Asks the real DNS at the connector, through the gate. Never rejects: `failed` says why. */
  resolve(name: Hostname, type: string): Promise<Resolved>
  /** Called after each change of `ownership`; returns the way to stop listening. */
  onCatalog(listener: () => void): () => void
  status(): WayStatus
  close(): Promise<void>
}

export interface WayOptions {
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** How long an `open` waits for a tunnel; 10,000 by default. */
  readonly patienceMs?: number
}

export interface WayStatus {
  readonly tunnel: 'connecting' | 'open' | 'draining' | 'session-over'
  readonly since: number
  readonly edgeUrl: string
  readonly keyAgreement?: string | undefined
  readonly exporterMatched?: boolean | undefined
  readonly rttMs?: number | undefined
  readonly flows: number
  readonly catalogRevision?: number | undefined
  readonly sessionExpiresAt?: number | undefined
  readonly lastError?: string | undefined
}

/**
 * Reads the profile's catalogue from disk and starts to dial the edge; returns without waiting for
 * the tunnel (see `ready`).
 * @throws ERR_SESSION_OVER when the profile's session is known to have ended (exitCode 4)
 */
export declare function openWay(profile: Profile, options: WayOptions): Promise<Way>
