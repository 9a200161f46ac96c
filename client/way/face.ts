import type { Hostname } from '../../names/hostname.ts'
import type { Log } from '../../process/log.ts'
import type { Ownership } from '../../resolver/catalog.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'
import type { Catalog } from '../../tunnel/control.ts'
import type { Flow, FlowHandlers, FlowTarget } from '../flow.ts'
import type { KeeperDeps } from './keeper.ts'
import type { StandingDeps } from './standing.ts'

/** The client's connection to its edges: on-ramps open flows on it and ask it which names are ours. */
export interface Way {
  /** Which names are byname's; answers from disk at once, follows the edge's CATALOG. */
  readonly ownership: Ownership
  /** The catalogue that `ownership` answers from, as it came. */
  readonly catalog: Catalog | undefined
  readonly person: { readonly email?: string | undefined; readonly subject: string }
  /**
   * Resolves when this way can tell names apart: at once with a catalogue on disk or else with the
   * first CATALOG. Rejects with ERR_SESSION_OVER (exitCode 4) or, after `timeoutMs`, with
   * ERR_EDGE_UNREACHABLE or ERR_NOT_POST_QUANTUM (exitCode 3).
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
  /** `http://[user:password@]host:port` of the CONNECT proxy in front of the edge. */
  readonly proxy?: string | undefined
  readonly version?: string | undefined
  /** The profile may say so as well. */
  readonly requiresPostQuantum?: boolean | undefined
  /** How long a flow may be without a tunnel; 120,000 when left out. */
  readonly detachedLifeMs?: number | undefined
  /** A test's double of attempt.ts. */
  readonly dial?: StandingDeps['dial']
  /** A test's double of every flow's table. */
  readonly flows?: KeeperDeps['flows']
}

export interface WayStatus {
  readonly tunnel: 'connecting' | 'open' | 'session-over'
  /** When it came to be so, ms since the epoch. */
  readonly since: number
  readonly edgeUrl: string
  readonly edgeName?: string | undefined
  readonly keyAgreement?: string | undefined
  /** False: TLS ends before the edge. */
  readonly exporterMatched?: boolean | undefined
  readonly rttMs?: number | undefined
  /** Oldest first; there is more than one while the client doubts one, or one drains. */
  readonly tunnels: readonly TunnelStatus[]
  readonly flows: number
  /** Flows that lost their tunnel and go on with the next. */
  readonly detached: number
  /** Flows that wait for a tunnel. */
  readonly waiting: number
  readonly catalogRevision?: number | undefined
  readonly names: number
  readonly sessionExpiresAt: number
  /** Why there is no tunnel. */
  readonly reason?: string | undefined
}

export interface TunnelStatus {
  readonly edgeUrl: string
  readonly edgeName: string
  /** In doubt: nothing comes from it. Draining: its edge stops, and its flows move. */
  readonly state: 'open' | 'in-doubt' | 'draining'
  /** Ms since the epoch. */
  readonly since: number
  readonly keyAgreement: string | undefined
  /** False: TLS ends before the edge. */
  readonly exporterMatched: boolean
  readonly rttMs: number | undefined
  readonly flows: number
}

/** Nobody answered in time. */
export class EdgeUnreachable extends Error {
  override readonly name = 'EdgeUnreachable'
  readonly code = 'ERR_EDGE_UNREACHABLE'
  readonly exitCode = 3
  readonly why: string
  readonly fix = 'is the edge up? (for the demo: npm start)'
  constructor(url: string, why: string) {
    super(`the edge ${url} cannot be reached`)
    this.why = why
  }
}
