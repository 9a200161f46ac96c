import { IdentityError } from './error.ts'
import type { TokenResponse } from './wire.ts'

/**
 * The files of a profile directory: who signs in at which edge with which key. Only the shapes are
 * here, for the two that write them (client/profile.ts and the edge's demo) may not import each other.
 */
export const PROFILE_FILES = {
  /** {@link ProfileDocument} */
  profile: 'profile.json',
  /** PrivateJwk, 0600 */
  device: 'device.jwk',
  /** {@link SessionDocument}, 0600 */
  session: 'session.json',
} as const

export interface ProfileDocument {
  readonly schema: 1
  readonly name: string
  readonly edge: { readonly url: string; readonly caPem: string }
  readonly deployment: string
  readonly edgeName: string
  readonly tls?: { readonly 'require-post-quantum'?: boolean }
}

export interface SessionDocument {
  readonly schema: 1
  readonly sessionId: string
  readonly token: string
  /** When the token ends, ms since the epoch. */
  readonly expiresAt: number
  /** When the session ends and a new sign-in is needed, ms since the epoch. */
  readonly sessionExpiresAt: number
  readonly person: { readonly issuer: string; readonly subject: string; readonly email?: string }
}

/** What a profile keeps of the token endpoint's answer. */
export function sessionDocument({ access_token: token, byname }: TokenResponse): SessionDocument {
  const { sessionId, expiresAt, sessionExpiresAt, person } = byname
  return { schema: 1, sessionId, token, expiresAt, sessionExpiresAt, person }
}

/** @throws {IdentityError} ERR_PROFILE_FORMAT */
export function readProfileDocument(text: string): ProfileDocument {
  const read = parseObject(text, PROFILE_FILES.profile)
  const { schema, name, edge, deployment, edgeName } = read
  const { url, caPem } = (edge ?? {}) as Record<string, unknown>
  const tls = readTls(read.tls)
  const strings = [name, url, caPem, deployment, edgeName]
  if (schema !== 1 || !strings.every(isText)) throw bad(PROFILE_FILES.profile)
  return { schema, name, edge: { url, caPem }, deployment, edgeName, ...tls } as ProfileDocument
}

/** A requirement that is misspelt must not read as none. */
function readTls(said: unknown): Pick<ProfileDocument, 'tls'> {
  if (said === undefined) return {}
  const { 'require-post-quantum': isRequired, ...rest } = (said ?? {}) as Record<string, unknown>
  const fits = typeof isRequired === 'boolean' && Object.keys(rest).length === 0
  if (!fits) throw bad(PROFILE_FILES.profile)
  return { tls: { 'require-post-quantum': isRequired } }
}

/** @throws {IdentityError} ERR_PROFILE_FORMAT */
export function readSessionDocument(text: string): SessionDocument {
  const read = parseObject(text, PROFILE_FILES.session)
  const { schema, sessionId, token, expiresAt, sessionExpiresAt } = read
  const { issuer, subject, email } = (read.person ?? {}) as Record<string, unknown>
  const fits =
    schema === 1 &&
    [sessionId, token, issuer, subject].every(isText) &&
    [expiresAt, sessionExpiresAt].every(Number.isSafeInteger) &&
    (email === undefined || isText(email))
  if (!fits) throw bad(PROFILE_FILES.session)
  const person = { issuer, subject, ...(email === undefined ? {} : { email }) }
  return { schema, sessionId, token, expiresAt, sessionExpiresAt, person } as SessionDocument
}

function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {}
  throw bad(file)
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

function bad(file: string): IdentityError {
  return new IdentityError('ERR_PROFILE_FORMAT', `${file} of the profile is damaged`, file)
}
