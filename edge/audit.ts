import type { Json, Store } from './store/store.ts'

/** Who did what from where: sign-ins, enrolments, revocations and what was refused of them. */
export type AuditEvent =
  | { readonly event: 'session-opened'; readonly sessionId: string; readonly who: string }
  | { readonly event: 'session-refused'; readonly code: string }
  | { readonly event: 'session-revoked'; readonly sessionId: string; readonly who: string }
  | { readonly event: 'join-token-made'; readonly tokenId: string; readonly name: string }
  | { readonly event: 'connector-enrolled'; readonly connectorId: string; readonly name: string }
  | { readonly event: 'enrolment-refused'; readonly tokenId?: string; readonly code: string }
  | { readonly event: 'connector-revoked'; readonly connectorId: string; readonly name: string }

/** Who caused it (a person, an admin verb) and from which address, where these are known. */
export interface AuditCause {
  readonly by?: string
  readonly from?: string
}

export type Audit = (event: AuditEvent, cause?: AuditCause) => Promise<void>

const AUDIT_LOG = 'audit'

/** Records in the store's log `audit`; resolves once kept. */
export function makeAudit(store: Pick<Store, 'append'>): Audit {
  return async (event, cause = {}) => {
    await store.append(AUDIT_LOG, { ...event, ...cause } as Json)
  }
}
