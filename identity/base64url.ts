/**
 * Strict base64url (RFC 4648 §5 without padding, §3.5: stray bits are refused), so that one value
 * has one spelling. `undefined` for anything else; Buffer alone would skip what it does not know.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return encodeBase64url(bytes) === text ? bytes : undefined
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}
