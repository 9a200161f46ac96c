import type { PublicJwk, Thumbprint } from '../../identity/key.ts'
import type { Person } from '../../identity/person.ts'
import type { DeviceFacts } from '../../identity/wire.ts'

/** Somebody signed in on one device. Times in ms since the epoch. */
export interface Session {
  readonly id: string
  readonly person: Person
  /** The device's own key: every tunnel and renewal proves it. */
  readonly devicePublicJwk: PublicJwk
  readonly deviceThumbprint: Thumbprint
  /** Self-reported. */
  readonly deviceFacts: DeviceFacts
  readonly createdAt: number
  /** The end of its absolute life; signing in again moves it. */
  readonly expiresAt: number
}

export type SessionEnd = 'session-revoked' | 'session-expired'

/** A fresh token of a session. */
export interface SessionToken {
  readonly token: string
  readonly expiresAt: number
}

/** A session with a fresh token of it. */
export interface OpenedSession extends SessionToken {
  readonly session: Session
}

/** Why no session came of a request. */
export type SessionProblem =
  | 'ERR_SESSION_ENDED'
  | 'ERR_SESSION_OTHER_DEVICE'
  | 'ERR_SUBJECT_TOKEN'
  | 'ERR_SUBJECT_TOKEN_SPENT'
  | 'ERR_ISSUER_UNKNOWN'
  | 'ERR_ISSUER_UNREACHABLE'
  | 'ERR_DPOP_PROOF'
  | 'ERR_DPOP_REPLAYED'

/** `cause` is the {@link IdentityError} behind it, if there is one. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionProblem
  constructor(code: SessionProblem, what: string, options?: ErrorOptions) {
    super(what, options)
    this.code = code
  }
}

export interface ExchangeAsk {
  readonly idToken: string
  readonly dpop: string
  /** The endpoint as the client spelled it: what the proof must name. */
  readonly url: string
  readonly device: DeviceFacts
  /** The client's address, for the audit log. */
  readonly from: string
}

export interface RenewAsk {
  readonly sessionId: string
  readonly dpop: string
  readonly url: string
}

/** The sessions of a deployment as one edge process sees them (sessions.ts makes it). */
export interface Sessions {
  /**
   * An ID token of a trusted issuer becomes a session of the key that the DPoP proof proves. The same
   * person on the same device gets the same session again, with a new life and new claims.
   * @throws {SessionError | StoreError}
   */
  exchange(ask: ExchangeAsk): Promise<OpenedSession>
  /** A fresh token over HTTP, by a proof for `url`. @throws {SessionError | StoreError} */
  renew(ask: RenewAsk): Promise<OpenedSession>
  /**
   * A fresh token over the tunnel: `proof` is RENEW's, a DPoP proof for `renewTarget`
   * (identity/dpop.ts). @throws {SessionError | StoreError}
   */
  renewOverTunnel(sessionId: string, proof: string): Promise<SessionToken>
  /**
   * The session of a tunnel's AUTH: the token checked whole, the session live. The caller still has to
   * see that the peer's proof is signed by `devicePublicJwk`.
   * @throws {IdentityError | SessionError | StoreError}
   */
  authenticate(token: string): Promise<Session>
  /** A live session, from memory: the same object until something of it changes. */
  find(id: string): Session | undefined
  list(): Session[]
  /**
   * Ends a session for good; `false` if there is none (any more). Own listeners hear of it before it
   * resolves, other edges as soon as they follow the store.
   */
  revoke(id: string, why: { readonly by: string }): Promise<boolean>
  /** Called once for each session that ends, here or by another process on the store. */
  onEnded(listener: (session: Session, why: SessionEnd) => void): () => void
  /** Called when a live session's person, claims or facts changed: judge its flows again. */
  onChanged(listener: (session: Session) => void): () => void
  close(): Promise<void>
}

/** What a person is called in logs and lists. */
export function nameOf({ email, subject, issuer }: Person): string {
  return email ?? `${subject} of ${issuer}`
}
