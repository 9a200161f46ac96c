import { jwtVerify } from 'jose'
import { readCompact } from './compact.ts'
import { DPOP_TYPE, type DpopTarget } from './dpop-proof.ts'
import { IdentityError } from './error.ts'
import { joseProblem } from './jose-problem.ts'
import { type PublicJwk, publicKeyOf, readPublicJwk, type Thumbprint, thumbprint } from './key.ts'
import { CLOCK_SKEW_MS } from './token.ts'

export { type DpopTarget, makeDpop, renewTarget } from './dpop-proof.ts'

/** A proof may be this old; its `jti` must be remembered as long (plus the skew). */
const MAX_DPOP_AGE_MS = 120_000

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
      typ: DPOP_TYPE,
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
