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

/** Why no session came of a request. */
export type SessionProblem =
  | 'ERR_SESSION_UNKNOWN'
  | 'ERR_SESSION_ENDED'
  | 'ERR_SESSION_OTHER_DEVICE'
  | 'ERR_SUBJECT_TOKEN'
  | 'ERR_SUBJECT_TOKEN_SPENT'
  | 'ERR_ISSUER_UNKNOWN'
  | 'ERR_ISSUER_UNREACHABLE'
  | 'ERR_DPOP_REPLAYED'

export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionProblem
  constructor(code: SessionProblem, what: string, options?: ErrorOptions) {
    super(what, options)
    this.code = code
  }
}

/** The sessions of a deployment as one edge process sees them (sessions.ts makes it). */
export interface Sessions {
  /** An ID token of a trusted issuer becomes a session of the key that the DPoP proof proves. */
  exchange(ask: {
    readonly idToken: string
    readonly dpop: string
    readonly url: string
    readonly device: DeviceFacts
    readonly from: string
  }): Promise<{ readonly session: Session } & SessionToken>
  /** A fresh token over HTTP, by a proof for `url`. */
  renew(ask: {
    readonly sessionId: string
    readonly dpop: string
    readonly url: string
  }): Promise<{ readonly session: Session } & SessionToken>
  /** A fresh token over the tunnel: `proof` is RENEW's, a DPoP proof for `renewTarget` (identity/dpop.ts). */
  renewOverTunnel(sessionId: string, proof: string): Promise<SessionToken>
  /**
   * The session of a tunnel's AUTH: the token checked whole, the session live. The caller still has to
   * see that the peer's proof is signed by `devicePublicJwk`.
   * @throws {IdentityError | SessionError}
   */
  authenticate(token: string): Promise<Session>
  /** A live session, from memory. */
  find(id: string): Session | undefined
  list(): Session[]
  /** Ends a session for good; `false` if there is none (any more). Own listeners hear of it before it resolves. */
  revoke(id: string, why: { readonly by: string }): Promise<boolean>
  /** Called once for each session that ends, here or by another process on the store. */
  onEnded(listener: (session: Session, why: SessionEnd) => void): () => void
  /** Called when a live session's person, claims or facts changed: judge its flows again. */
  onChanged(listener: (session: Session) => void): () => void
  close(): Promise<void>
}
