import { createHash, X509Certificate } from 'node:crypto'
import { IdentityError } from './error.ts'

/** SHA-256 over a certificate's SubjectPublicKeyInfo (RFC 7469 §2.4), base64url: survives a re-issue. */
export function spkiPin(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' })
  return createHash('sha256').update(spki).digest('base64url')
}

/**
 * The CA of `chain` (leaf first, DER, as a server sent it) whose key is pinned, as PEM, and only if it
 * signed the leaf. It may then be trusted as the one CA of that edge.
 * @throws {IdentityError} ERR_PIN
 */
export function findPinnedCa(chain: readonly Uint8Array[], pin: string): string {
  const [leaf, ...others] = chain.map((der) => new X509Certificate(der))
  const ca = others.find((one) => one.ca && spkiPin(one) === pin)
  if (leaf && ca && leaf.verify(ca.publicKey) && ca.verify(ca.publicKey)) return ca.toString()
  throw new IdentityError(
    'ERR_PIN',
    'the edge does not prove to be the one that the token names: its CA has another key',
  )
}
