import { decodeBase64url } from './base64url.ts'
import { IdentityError } from './error.ts'
import { parseStrictJson } from './strict-json.ts'

/** A compact JWS (RFC 7515 §7.1) taken apart, its signature not yet looked at: trust nothing in it. */
export interface UncheckedJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What the signature covers. One token has one signing input, whatever was done to its signature. */
  readonly signingInput: string
}

const MAX_TOKEN_BYTES = 8192

/**
 * The look at a token's bytes that jose does not take: 8 KiB at most, three parts of strict base64url,
 * UTF-8 JSON objects without a member named twice, no `crit` (we know no extension, RFC 7515 §4.1.11).
 * @throws {IdentityError} ERR_TOKEN_SIZE, ERR_TOKEN_FORMAT
 */
export function readCompact(token: string): UncheckedJws {
  if (token.length > MAX_TOKEN_BYTES) {
    throw new IdentityError('ERR_TOKEN_SIZE', `a token has ${MAX_TOKEN_BYTES} bytes at most`)
  }
  const parts = token.split('.')
  const [header, payload, signature] = parts
  if (parts.length !== 3 || !header || !payload || !signature) throw bad('parts')
  if (decodeBase64url(signature) === undefined) throw bad('signature')
  const read = { header: readPart(header, 'header'), payload: readPart(payload, 'payload') }
  if ('crit' in read.header) throw bad('crit')
  return { ...read, signingInput: `${header}.${payload}` }
}

function readPart(part: string, name: string): Record<string, unknown> {
  const bytes = decodeBase64url(part)
  if (bytes === undefined) throw bad(name)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = parseStrictJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {}
  throw bad(name)
}

function bad(part: string): IdentityError {
  return new IdentityError('ERR_TOKEN_FORMAT', `not a well-formed token: ${part}`, part)
}
