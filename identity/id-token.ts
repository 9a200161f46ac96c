import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { readCompact } from './compact.ts'
import { IdentityError } from './error.ts'
import { joseProblem } from './jose-problem.ts'
import { CLOCK_SKEW_MS } from './token.ts'

/** Asymmetric only (RFC 8725 §3.1): an HMAC under a public key must never verify. */
const ID_TOKEN_ALGORITHMS = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'PS256',
  'PS384',
  'RS256',
  'RS384',
  'RS512',
]

export interface IdTokenExpectations {
  /** The issuer's keys; made by jose from its JWKS. */
  readonly keys: JWTVerifyGetKey
  readonly issuer: string
  readonly audience: string
  readonly now: number
  /** How long ago it may have been issued, and how long it may live at most. */
  readonly maxAgeMs: number
}

/** An ID token (OpenID Connect Core §2) whose every check has passed. Only this file makes one. */
export interface VerifiedIdToken {
  readonly issuer: string
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly expiresAt: number
  /** Equal for one token whatever was done to its signature (ECDSA's has two spellings). */
  readonly signingInput: string
  readonly __brand: 'VerifiedIdToken'
}

/**
 * Checks an ID token of an issuer that is trusted (OpenID Connect Core §3.1.3.7).
 * @throws {IdentityError} ERR_TOKEN_…
 */
export async function verifyIdToken(
  token: string,
  expect: IdTokenExpectations,
): Promise<VerifiedIdToken> {
  const { header, signingInput } = readCompact(token)
  if (header.typ !== undefined && String(header.typ).toUpperCase() !== 'JWT') {
    throw new IdentityError(
      'ERR_TOKEN_TYPE',
      'the token is of another type than an ID token',
      'typ',
    )
  }
  const claims = await checkSignature(token, expect)
  const { subject, expiresAt } = checkClaims(claims, expect)
  const { issuer } = expect
  return { issuer, subject, claims, expiresAt, signingInput } as VerifiedIdToken
}

async function checkSignature(token: string, expect: IdTokenExpectations): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, expect.keys, {
      algorithms: ID_TOKEN_ALGORITHMS,
      issuer: expect.issuer,
      audience: expect.audience,
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
      maxTokenAge: expect.maxAgeMs / 1000,
      clockTolerance: CLOCK_SKEW_MS / 1000,
      currentDate: new Date(expect.now),
    })
    return payload
  } catch (error) {
    throw joseProblem(error)
  }
}

function checkClaims({ sub, aud, azp, iat, exp }: JWTPayload, expect: IdTokenExpectations) {
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) throw badClaim('sub')
  // §3.1.3.7 steps 4 and 5: an azp, or several audiences, must name us as the authorised party.
  const isForOthers = Array.isArray(aud) && aud.length > 1
  if ((azp !== undefined || isForOthers) && azp !== expect.audience) throw badClaim('azp')
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) throw badClaim('exp')
  const expiresAt = Number(exp) * 1000
  if (expiresAt - Number(iat) * 1000 > MAX_LIFE_MS) {
    throw new IdentityError('ERR_TOKEN_TIME', 'the token claims to live too long', 'exp')
  }
  return { subject: sub, expiresAt }
}

/** Some providers give ID tokens a day; one that lives longer is a key, not a sign-in. */
const MAX_LIFE_MS = 24 * 3_600_000

function badClaim(claim: string): IdentityError {
  return new IdentityError('ERR_TOKEN_CLAIM', `the token's ${claim} is missing or wrong`, claim)
}
