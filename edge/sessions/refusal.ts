import { IdentityError } from '../../identity/error.ts'
import type { TokenErrorCode } from '../../identity/wire.ts'
import { StoreError } from '../store/store.ts'
import { FormError } from './form.ts'
import { SessionError, type SessionProblem } from './session.ts'

/** How the token endpoint says no (RFC 6749 §5.2): OAuth's error, and our code behind it. */
export interface TokenRefusal {
  readonly status: 400 | 429 | 500 | 503
  readonly error: TokenErrorCode
  readonly code: string
  readonly message: string
  /** Ours, not the client's: nothing is held against it. */
  readonly isFault: boolean
}

export function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof FormError) {
    return refusal(400, error.error, error.code, error.message)
  }
  if (error instanceof SessionError) {
    const { status, name } = ANSWER[error.code]
    return refusal(status, name, codeBehind(error), error.message)
  }
  const code = error instanceof StoreError ? error.code : 'ERR_INTERNAL'
  const status = error instanceof StoreError ? 503 : 500
  const message = 'the edge cannot answer now'
  return { status, error: 'temporarily_unavailable', code, message, isFault: true }
}

/**
 * RFC 8693 §2.2.2: an unacceptable subject token is `invalid_request`. RFC 6749 §5.2: what refreshes
 * no more is `invalid_grant`. RFC 9449 §5: a bad proof is `invalid_dpop_proof`.
 */
const ANSWER: Record<
  SessionProblem,
  { readonly status: 400 | 503; readonly name: TokenErrorCode }
> = {
  ERR_DPOP_PROOF: { status: 400, name: 'invalid_dpop_proof' },
  ERR_DPOP_REPLAYED: { status: 400, name: 'invalid_dpop_proof' },
  ERR_SUBJECT_TOKEN: { status: 400, name: 'invalid_request' },
  ERR_SUBJECT_TOKEN_SPENT: { status: 400, name: 'invalid_request' },
  ERR_ISSUER_UNKNOWN: { status: 400, name: 'invalid_request' },
  ERR_ISSUER_UNREACHABLE: { status: 503, name: 'temporarily_unavailable' },
  ERR_SESSION_ENDED: { status: 400, name: 'invalid_grant' },
  ERR_SESSION_OTHER_DEVICE: { status: 400, name: 'invalid_grant' },
}

/** The finest code there is: why the token or proof was refused, if that was it. */
function codeBehind({ code, cause }: SessionError): string {
  return cause instanceof IdentityError ? cause.code : code
}

function refusal(
  status: 400 | 503,
  error: TokenErrorCode,
  code: string,
  message: string,
): TokenRefusal {
  return { status, error, code, message, isFault: false }
}
