import type { PublicJwk } from '../../identity/key.ts'
import type { EnrolErrorCode } from '../../identity/wire.ts'
import type { NamePattern } from '../../names/pattern.ts'

/** A connector that has enrolled: its key and what it may publish. */
export interface ConnectorRecord {
  readonly id: string
  readonly name: string
  readonly grants: readonly NamePattern[]
  readonly publicJwk: PublicJwk
  readonly enrolledAt: number
  readonly revokedAt?: number
}

/** The enrolled connectors as one edge process sees them (connectors.ts makes it). */
export interface Connectors {
  /** From memory; also a revoked one, so look at `revokedAt`. */
  find(id: string): ConnectorRecord | undefined
  /** As {@link find}, but asks the store when memory has none: for AUTH right after enrolment elsewhere. */
  fetch(id: string): Promise<ConnectorRecord | undefined>
  list(): ConnectorRecord[]
  /** For good; `false` if there is none that is live. Own listeners hear of it before it resolves. */
  revoke(id: string, why: { readonly by: string }): Promise<boolean>
  /** Called for each new, changed or revoked record, whichever process wrote it. */
  onChanged(listener: (record: ConnectorRecord) => void): () => void
  close(): Promise<void>
}

/** What a join token lets in. */
export interface JoinTokenGrant {
  readonly name: string
  readonly mayPublish: readonly NamePattern[]
  /** How many different keys may enrol with it; default 1. */
  readonly uses?: number
  /** How long it may be used; default 24 h. */
  readonly lifeMs?: number
}

/** Why a connector was not let in. `status` is the HTTP status that says so. */
export class EnrolError extends Error {
  override readonly name = 'EnrolError'
  readonly code: EnrolErrorCode
  readonly status: 400 | 403 | 410 | 429 | 503
  constructor(code: EnrolErrorCode, status: EnrolError['status'], what: string) {
    super(what)
    this.code = code
    this.status = status
  }
}
