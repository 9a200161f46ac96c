import { type CryptoKey, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { readCompact } from './compact.ts'
import { IdentityError } from './error.ts'
import { joseProblem } from './jose-problem.ts'
import type { Thumbprint } from './key.ts'

/** A session token lives this long at most; whatever says more was not minted here. */
export const MAX_TOKEN_LIFE_MS = 10 * 60_000
/** Two clocks may differ by this much. */
export const CLOCK_SKEW_MS = 30_000

/** RFC 8725 §3.11: a type of its own, so that no other token of the same keys passes for it. */
const TYPE = 'byname-session+jwt'

/** What a session token says. It names the session; who that is stands in the store. */
export interface SessionClaims {
  /** The person: subject at the session's issuer. */
  readonly subject: string
  readonly sessionId: string
  readonly tokenId: string
  /** Thumbprint of the device key that the token is bound to (RFC 7800 §3.1, `cnf.jkt`). */
  readonly thumbprint: Thumbprint
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Claims that {@link verifyToken} has checked; nothing else makes one. */
export type VerifiedToken = SessionClaims & { readonly __brand: 'VerifiedToken' }

/** Ed25519 public keys by `kid`: CryptoKey only, never bytes that could serve as an HMAC secret. */
export type TokenKeys = ReadonlyMap<string, CryptoKey>

/** Issuer and audience of a deployment's session tokens: one deployment's token opens no other. */
export const tokenIssuer = (deployment: string) => `byname:${deployment}`
export const tokenAudience = (deployment: string) => `byname:${deployment}:edge`

export async function mintToken(
  claims: SessionClaims,
  signer: { readonly kid: string; readonly key: CryptoKey; readonly deployment: string },
): Promise<string> {
  return new SignJWT({ sid: claims.sessionId, cnf: { jkt: claims.thumbprint } })
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid: signer.kid })
    .setIssuer(tokenIssuer(signer.deployment))
    .setAudience(tokenAudience(signer.deployment))
    .setSubject(claims.subject)
    .setJti(claims.tokenId)
    .setIssuedAt(seconds(claims.issuedAt))
    .setExpirationTime(seconds(claims.expiresAt))
    .sign(signer.key)
}

export interface TokenExpectations {
  readonly keys: TokenKeys
  readonly deployment: string
  readonly now: number
  /** The key that the peer has proved: the token must be bound to it. */
  readonly thumbprint?: Thumbprint | undefined
}

/**
 * Checks a session token whole: form, type, algorithm, key, signature, issuer, audience, times and,
 * where `thumbprint` is given, that it is bound to that device.
 * @throws {IdentityError} ERR_TOKEN_…
 */
export async function verifyToken(
  token: string,
  expect: TokenExpectations,
): Promise<VerifiedToken> {
  readCompact(token)
  const claims = claimsOf(await checkSignature(token, expect), expect.now)
  if (expect.thumbprint !== undefined && claims.thumbprint !== expect.thumbprint) {
    throw new IdentityError('ERR_TOKEN_BINDING', 'the token is bound to another device', 'cnf')
  }
  return claims
}

async function checkSignature(token: string, expect: TokenExpectations): Promise<JWTPayload> {
  const keyOf = ({ kid }: { kid?: string }) => {
    const key = expect.keys.get(kid ?? '')
    if (key) return key
    throw new IdentityError('ERR_TOKEN_KEY', 'the token names no signing key of this deployment')
  }
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: ['EdDSA'],
      typ: TYPE,
      issuer: tokenIssuer(expect.deployment),
      audience: tokenAudience(expect.deployment),
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'exp', 'cnf'],
      maxTokenAge: seconds(MAX_TOKEN_LIFE_MS),
      clockTolerance: seconds(CLOCK_SKEW_MS),
      currentDate: new Date(expect.now),
    })
    return payload
  } catch (error) {
    throw joseProblem(error)
  }
}

function claimsOf(payload: JWTPayload, now: number): VerifiedToken {
  const { sub, sid, jti, iat, exp, cnf, aud } = payload
  if (typeof aud !== 'string') throw badClaim('aud')
  if (!isShortText(sub)) throw badClaim('sub')
  if (!isShortText(sid)) throw badClaim('sid')
  if (!isShortText(jti)) throw badClaim('jti')
  const { jkt } = (cnf ?? {}) as { jkt?: unknown }
  if (!isShortText(jkt)) throw badClaim('cnf')
  const [issuedAt, expiresAt] = [milliseconds(iat, 'iat'), milliseconds(exp, 'exp')]
  // No skew for the end of life: both clocks here are the deployment's own.
  if (expiresAt <= now) throw new IdentityError('ERR_TOKEN_EXPIRED', 'the token has expired', 'exp')
  if (expiresAt - issuedAt > MAX_TOKEN_LIFE_MS) throw badTime('exp')
  const thumbprint = jkt as Thumbprint
  return {
    subject: sub,
    sessionId: sid,
    tokenId: jti,
    thumbprint,
    issuedAt,
    expiresAt,
  } as VerifiedToken
}

const isShortText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 255

function milliseconds(value: unknown, claim: string): number {
  if (!Number.isSafeInteger(value)) throw badClaim(claim)
  return Number(value) * 1000
}

const seconds = (ms: number) => Math.floor(ms / 1000)

function badClaim(claim: string): IdentityError {
  return new IdentityError('ERR_TOKEN_CLAIM', `the token's ${claim} is missing or wrong`, claim)
}

function badTime(claim: string): IdentityError {
  return new IdentityError('ERR_TOKEN_TIME', `the token's ${claim} is out of bounds`, claim)
}
