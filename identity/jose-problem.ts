import { errors } from 'jose'
import { IdentityError, type IdentityProblem } from './error.ts'

/** jose's error as one of ours. What is not jose's (a bug, no memory) is passed on as it is. */
export function joseProblem(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) {
    return new IdentityError('ERR_TOKEN_EXPIRED', 'the token has expired', error.claim)
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const code = CLAIM_PROBLEM[error.claim] ?? 'ERR_TOKEN_CLAIM'
    return new IdentityError(code, `the token's ${error.claim} is missing or wrong`, error.claim)
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return new IdentityError('ERR_TOKEN_ALGORITHM', 'the token is signed in a way not allowed here')
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new IdentityError('ERR_TOKEN_SIGNATURE', 'the token is not signed by the key it names')
  }
  if (error instanceof errors.JOSEError) {
    return new IdentityError('ERR_TOKEN_FORMAT', 'not a well-formed token')
  }
  return error
}

const CLAIM_PROBLEM: Record<string, IdentityProblem> = {
  iss: 'ERR_TOKEN_ISSUER',
  aud: 'ERR_TOKEN_AUDIENCE',
  typ: 'ERR_TOKEN_TYPE',
  iat: 'ERR_TOKEN_TIME',
  nbf: 'ERR_TOKEN_TIME',
}
