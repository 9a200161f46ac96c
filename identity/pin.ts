import { createHash, type X509Certificate } from 'node:crypto'

/** SHA-256 over a certificate's SubjectPublicKeyInfo (RFC 7469 §2.4), base64url: survives a re-issue. */
export function spkiPin(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' })
  return createHash('sha256').update(spki).digest('base64url')
}
