import { createHash, timingSafeEqual } from 'node:crypto'
import type { CheckCredential } from './socks-dialogue.ts'

/** A credential file that cannot be used, and why. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError'
  readonly code = 'ERR_CREDENTIAL'
  readonly exitCode = 2
  readonly fix = 'printf \'user:%s\\n\' "$(openssl rand -hex 16)" > FILE && chmod 600 FILE'
}

/**
 * The one credential of the proxy port, from the first line of a file: `user:password`, 1 to 255
 * octets each (RFC 1929), no colon in the user name (RFC 7617).
 * @throws {CredentialError}
 */
export function readCredential(text: string, file: string): CheckCredential {
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  const colon = line.indexOf(':')
  const user = line.slice(0, Math.max(colon, 0))
  const password = line.slice(colon + 1)
  if (!fits(user) || !fits(password)) {
    throw new CredentialError(`${file} does not hold user:password in its first line`)
  }
  const wanted = digest(user, password)
  return (givenUser, givenPassword) => timingSafeEqual(digest(givenUser, givenPassword), wanted)
}

/** The user and password of a `Proxy-Authorization: Basic …` field value (RFC 7617 §2). */
export function readBasic(
  value: string | undefined,
): { user: string; password: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value ?? '')
  const decoded = match?.[1] && Buffer.from(match[1], 'base64').toString('utf8')
  const colon = decoded ? decoded.indexOf(':') : -1
  if (!decoded || colon < 0) return undefined
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

/** Of one length, so that comparing tells nothing but the answer. */
function digest(user: string, password: string): Buffer {
  return createHash('sha256').update(`${user.length}:${user}:${password}`).digest()
}

function fits(text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return bytes >= 1 && bytes <= 255
}
