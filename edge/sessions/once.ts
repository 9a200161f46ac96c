import { createHash } from 'node:crypto'
import type { VerifiedDpop } from '../../identity/dpop.ts'
import type { VerifiedIdToken } from '../../identity/id-token.ts'
import type { Thumbprint } from '../../identity/key.ts'
import { CLOCK_SKEW_MS } from '../../identity/token.ts'
import type { Store } from '../store/store.ts'
import { SessionError } from './session.ts'

/**
 * Takes a proof that was never seen, by any edge of the store (RFC 9449 §11.1). Remembered in the
 * store and not in memory: a restart must not make old proofs new.
 * @throws {SessionError} ERR_DPOP_REPLAYED
 */
export async function takeProof(store: Store, proof: VerifiedDpop): Promise<void> {
  const key = `dpop/${proof.thumbprint}/${proof.jti}`
  const { expiresAt } = proof
  const result = await store.create(key, true, { expiresAt, ephemeral: true })
  if (result.kind === 'written') return
  throw new SessionError('ERR_DPOP_REPLAYED', 'the proof was used before')
}

/**
 * Binds an ID token to the first device key that brings it: whoever steals it afterwards gets nothing,
 * the device itself may ask `again` after a lost reply.
 * @throws {SessionError} ERR_SUBJECT_TOKEN_SPENT
 */
export async function spendIdToken(
  store: Store,
  idToken: VerifiedIdToken,
  device: Thumbprint,
): Promise<'first' | 'again'> {
  const digest = createHash('sha256').update(idToken.signingInput).digest('base64url')
  const key = `spent/${digest}`
  const expiresAt = idToken.expiresAt + 2 * CLOCK_SKEW_MS
  const result = await store.create(key, device, { expiresAt })
  if (result.kind === 'written') return 'first'
  if ((await store.get(key))?.value === device) return 'again'
  throw new SessionError('ERR_SUBJECT_TOKEN_SPENT', 'another device has used this token already')
}
