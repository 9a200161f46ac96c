/** Why a key, a token or a proof was not taken. Stable: programs may switch on it. */
export type IdentityProblem =
  | 'ERR_KEY_FORMAT'
  | 'ERR_TOKEN_SIZE'
  | 'ERR_TOKEN_FORMAT'
  | 'ERR_TOKEN_ALGORITHM'
  | 'ERR_TOKEN_TYPE'
  | 'ERR_TOKEN_KEY'
  | 'ERR_TOKEN_SIGNATURE'
  | 'ERR_TOKEN_ISSUER'
  | 'ERR_TOKEN_AUDIENCE'
  | 'ERR_TOKEN_EXPIRED'
  | 'ERR_TOKEN_TIME'
  | 'ERR_TOKEN_CLAIM'
  | 'ERR_TOKEN_BINDING'
  | 'ERR_DPOP_TARGET'
  | 'ERR_JOIN_TOKEN'
  | 'ERR_PIN'
  | 'ERR_EDGE_UNREACHABLE'
  | 'ERR_EDGE_ANSWER'
  | 'ERR_PROFILE_FORMAT'

/**
 * A key, token, proof or profile that was refused. `claim` names the part at fault where there is
 * one. Neither the message nor a field ever holds the token, a key or a secret.
 */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityProblem
  readonly claim: string | undefined
  constructor(code: IdentityProblem, what: string, claim?: string) {
    super(what)
    this.code = code
    this.claim = claim
  }
}
