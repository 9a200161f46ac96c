import { randomBytes } from 'node:crypto'
import { IdentityError } from '../../identity/error.ts'
import {
  MAX_TOKEN_LIFE_MS,
  mintToken,
  type VerifiedToken,
  verifyToken,
} from '../../identity/token.ts'
import type { Session, SessionToken } from './session.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface TokenDeps {
  readonly deployment: string
  /** Reads the set anew: another edge may have added a key. */
  readonly loadKeys: () => Promise<SigningKeys>
  readonly now: () => number
  readonly random?: (size: number) => Uint8Array
}

/** Unknown key ids make the file of keys be read again, at most this often. */
const RELOAD_MS = 1_000

/** Makes and checks the short tokens of sessions. */
export class SessionTokens {
  readonly #deps: TokenDeps
  #keys: SigningKeys
  #readAt: number

  constructor(keys: SigningKeys, deps: TokenDeps) {
    this.#deps = deps
    this.#keys = keys
    this.#readAt = deps.now()
  }

  async mint(session: Session): Promise<SessionToken> {
    const { now, deployment, random = randomBytes } = this.#deps
    const issuedAt = now()
    const end = Math.min(issuedAt + MAX_TOKEN_LIFE_MS, session.expiresAt)
    // Whole seconds, as the token has them (RFC 7519 §2, NumericDate).
    const expiresAt = Math.floor(end / 1000) * 1000
    const claims = {
      subject: session.person.subject,
      sessionId: session.id,
      tokenId: Buffer.from(random(12)).toString('hex'),
      thumbprint: session.deviceThumbprint,
      issuedAt,
      expiresAt,
    }
    return { token: await mintToken(claims, { ...this.#keys.signer, deployment }), expiresAt }
  }

  /** @throws {IdentityError} ERR_TOKEN_… */
  async verify(token: string): Promise<VerifiedToken> {
    try {
      return await this.#verifyOnce(token)
    } catch (error) {
      const isUnknownKey = error instanceof IdentityError && error.code === 'ERR_TOKEN_KEY'
      if (!isUnknownKey || !(await this.#reload())) throw error
    }
    return this.#verifyOnce(token)
  }

  #verifyOnce(token: string): Promise<VerifiedToken> {
    const { deployment, now } = this.#deps
    return verifyToken(token, { keys: this.#keys.verifiers, deployment, now: now() })
  }

  async #reload(): Promise<boolean> {
    const { now, loadKeys } = this.#deps
    if (now() - this.#readAt < RELOAD_MS) return false
    this.#readAt = now()
    this.#keys = await loadKeys()
    return true
  }
}
