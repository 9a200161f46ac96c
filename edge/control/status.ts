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
  readonly healthUrl?: string
  readonly policy: PolicyStatus
  readonly zones: readonly string[]
  readonly tunnels: { readonly client: number; readonly connector: number }
  readonly sessions: number
  readonly flows: { readonly live: number; readonly lostRecords: number }
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
