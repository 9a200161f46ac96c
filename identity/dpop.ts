import { randomBytes } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { encodeBase64url } from './base64url.ts'
import { readCompact } from './compact.ts'
import { IdentityError } from './error.ts'
import { joseProblem } from './jose-problem.ts'
import {
  type DeviceKey,
  type PublicJwk,
  publicKeyOf,
  readPublicJwk,
  type Thumbprint,
  thumbprint,
} from './key.ts'
import { CLOCK_SKEW_MS } from './token.ts'

/** What a DPoP proof is for (RFC 9449 §4.2): an HTTP method and URL, or our RENEW over the tunnel. */
export interface DpopTarget {
  readonly method: 'POST' | 'RENEW'
  /** Without query and fragment. */
  readonly url: string
}

/** A proof may be this old; its `jti` must be remembered as long (plus the skew). */
const MAX_DPOP_AGE_MS = 120_000

const TYPE = 'dpop+jwt'

/** The target of a RENEW: no URL, for the tunnel is already there; the session it renews. */
export function renewTarget(deployment: string, sessionId: string): DpopTarget {
  return { method: 'RENEW', url: `byname:${deployment}/sessions/${sessionId}` }
}

/** Signs that the holder of `key` asks for `target` now. */
export async function makeDpop(
  key: DeviceKey,
  target: DpopTarget,
  now: number,
  random: (size: number) => Uint8Array = randomBytes,
): Promise<string> {
  return new SignJWT({ htm: target.method, htu: target.url, jti: encodeBase64url(random(16)) })
    .setProtectedHeader({ typ: TYPE, alg: 'EdDSA', jwk: { ...key.publicJwk } })
    .setIssuedAt(Math.floor(now / 1000))
    .sign(key.privateKey)
}

/** A proof that has been checked, all but one thing: whoever takes it must see that `jti` is new. */
export interface VerifiedDpop {
  readonly publicJwk: PublicJwk
  readonly thumbprint: Thumbprint
  readonly jti: string
  readonly expiresAt: number
  readonly __brand: 'VerifiedDpop'
}

/**
 * Checks a proof (RFC 9449 §4.3) for `target` at `now`.
 * @throws {IdentityError} ERR_TOKEN_…, ERR_KEY_FORMAT, ERR_DPOP_TARGET
 */
export async function verifyDpop(
  proof: string,
  target: DpopTarget,
  now: number,
): Promise<VerifiedDpop> {
  const { header } = readCompact(proof)
  const { jwk } = header
  if (typeof jwk === 'object' && jwk !== null && 'd' in jwk) {
    throw new IdentityError('ERR_KEY_FORMAT', 'a proof must not carry a private key', 'jwk')
  }
  const publicJwk = readPublicJwk(jwk)
  const { htm, htu, jti, iat } = await checkSignature(proof, publicJwk, now)
  if (htm !== target.method || htu !== target.url) {
    throw new IdentityError('ERR_DPOP_TARGET', 'the proof was made for another request', 'htu')
  }
  if (typeof jti !== 'string' || jti.length < 16 || jti.length > 64) {
    throw new IdentityError('ERR_TOKEN_CLAIM', "the proof's jti is missing or wrong", 'jti')
  }
  const expiresAt = Number(iat) * 1000 + MAX_DPOP_AGE_MS + 2 * CLOCK_SKEW_MS
  return { publicJwk, thumbprint: thumbprint(publicJwk), jti, expiresAt } as VerifiedDpop
}

async function checkSignature(proof: string, publicJwk: PublicJwk, now: number) {
  const key = publicKeyOf(publicJwk).toCryptoKey('Ed25519', true, ['verify'])
  try {
    const { payload } = await jwtVerify(proof, key, {
      algorithms: ['EdDSA', 'Ed25519'],
      typ: TYPE,
      requiredClaims: ['htm', 'htu', 'jti', 'iat'],
      maxTokenAge: MAX_DPOP_AGE_MS / 1000,
      clockTolerance: CLOCK_SKEW_MS / 1000,
      currentDate: new Date(now),
    })
    return payload
  } catch (error) {
    throw joseProblem(error)
  }
}
