import type { PolicyStatus } from '../policy-file.ts'

/** What an edge says of itself (`status`). JSON; times in ms since the epoch. */
export interface EdgeStatus {
  readonly schema: 1
  readonly name: string
  readonly url: string
  readonly version: string
  readonly pid: number
  readonly deployment: string
  readonly startedAt: number
  readonly isReady: boolean
  /** Why it cannot serve. */
  readonly notReady?: string
  readonly tlsEndsBeforeEdge: boolean
  readonly requiresPostQuantum: boolean
  /** It takes no more tunnels and flows. */
  readonly isDraining: boolean
  /** Every edge of the deployment, this one among them, as each says of itself. */
  readonly edges: readonly EdgeRow[]
  /** What TLS agreed on, by the ends' own word. */
  readonly keyAgreementsReported: readonly AgreementRow[]
  readonly healthUrl?: string
  readonly policy: PolicyStatus
  readonly zones: readonly string[]
  readonly tunnels: { readonly client: number; readonly connector: number }
  readonly sessions: number
  /** `waiting`: came back before their connectors did. */
  readonly flows: { readonly live: number; readonly waiting: number; readonly lostRecords: number }
}

/** An edge of the deployment. */
export interface EdgeRow {
  readonly name: string
  readonly url: string
  /** `silent`: it said nothing for 10 s. */
  readonly state: 'running' | 'draining' | 'stopped' | 'silent'
  readonly startedAt: number
  /** When it last said that it is there. */
  readonly at: number
}

export interface AgreementRow {
  readonly kind: 'client' | 'connector'
  /** `X25519MLKEM768` is post-quantum. */
  readonly agreed: string
  readonly tunnels: number
}

/** How far a drain is (`edge.drain`). */
export interface DrainProgress {
  readonly schema: 1
  readonly state: 'draining' | 'drained'
  /** That are left here; at the end: that are cut. */
  readonly flows: number
  /** To other edges, or waiting for one. */
  readonly moved: number
  readonly ended: number
  readonly afterMs: number
  /** Until those that are left are cut. */
  readonly leftMs: number
  /** Edges that take flows. */
  readonly others: readonly string[]
}

/** A connector as `connector.list` shows it. */
export interface ConnectorRow {
  readonly id: string
  readonly name: string
  readonly mayPublish: readonly string[]
  readonly enrolledAt: number
  readonly revokedAt?: number
  /** Tunnels at this edge now. */
  readonly tunnels: number
  readonly flows: number
  readonly apps: readonly AppRow[]
}

export interface AppRow {
  readonly pattern: string
  /** `80`, `8000-8999`, `udp/53`. */
  readonly ports: readonly string[]
  readonly health: 'ok' | 'failing' | 'unknown'
}

/** A session as `session.list` shows it. */
export interface SessionRow {
  readonly id: string
  readonly who: string
  readonly issuer: string
  readonly device: string
  readonly deviceFacts: Readonly<Record<string, unknown>>
  readonly createdAt: number
  readonly expiresAt: number
  readonly tunnels: number
}
