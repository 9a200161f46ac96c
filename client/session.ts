import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readTokenAnswer, renewRequest, TokenRefused } from '../identity/exchange.ts'
import {
  PROFILE_FILES,
  readSessionDocument,
  type SessionDocument,
  sessionDocument,
} from '../identity/profile.ts'
import { writeSecret } from '../process/state.ts'
import { CLIENT_FILES, type Profile } from './profile.ts'
import { withFileLock } from './session/lock.ts'
import type { Post } from './session/post.ts'

/** A token with less life left than this is renewed before it is used. */
export const LEAST_LIFE_MS = 60_000

/** The session has ended, or there is none: a new sign-in is needed. */
export class SessionOver extends Error {
  override readonly name = 'SessionOver'
  readonly code = 'ERR_SESSION_OVER'
  readonly exitCode = 4
  readonly fix = 'sign in again (for the demo: npm start)'
  readonly why: string
  readonly profile: string
  constructor(profile: string, why: string) {
    super(`the session of profile ${profile} is over`)
    this.profile = profile
    this.why = why
  }
}

export interface SessionDeps {
  readonly post: Post
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/**
 * The profile's session with a token that lives for at least {@link LEAST_LIFE_MS}. Processes that
 * share the profile renew it once: one asks the edge, the others wait and read what it wrote.
 * `notToken`: a token that the edge would not take, whatever its expiry says.
 * @throws {SessionOver}; {@link IdentityError} ERR_EDGE_UNREACHABLE, ERR_EDGE_ANSWER
 */
export async function freshSession(
  profile: Profile,
  deps: SessionDeps,
  notToken?: string,
): Promise<SessionDocument> {
  const isFresh = (session: SessionDocument) =>
    session.token !== notToken && session.expiresAt - deps.clock() >= LEAST_LIFE_MS
  const session = await readSession(profile, deps.clock())
  if (isFresh(session)) return session
  return withFileLock(path.join(profile.directory, CLIENT_FILES.sessionLock), async () => {
    const again = await readSession(profile, deps.clock())
    return isFresh(again) ? again : renew(profile, again, deps)
  })
}

/** @throws {SessionOver} when there is none or its end has come; IdentityError for a damaged file */
export async function readSession(profile: Profile, now: number): Promise<SessionDocument> {
  const file = path.join(profile.directory, PROFILE_FILES.session)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new SessionOver(profile.name, `${file} is missing`)
  const session = readSessionDocument(text)
  if (session.sessionExpiresAt > now) return session
  const ended = new Date(session.sessionExpiresAt).toISOString()
  throw new SessionOver(profile.name, `it ended at ${ended}`)
}

/** Keeps a token that came over the tunnel, unless the session has been replaced meanwhile. */
export async function keepToken(
  profile: Profile,
  sessionId: string,
  renewed: { readonly token: string; readonly expiresAt: number },
  now: number,
): Promise<void> {
  const session = await readSession(profile, now)
  if (session.sessionId !== sessionId || session.expiresAt >= renewed.expiresAt) return
  const { token, expiresAt } = renewed
  await writeSession(profile, { ...session, token, expiresAt })
}

/** The edge called the session over: other processes need not ask it again. */
export async function endSession(profile: Profile, token: string, now: number): Promise<void> {
  const session = await readSession(profile, now).catch(() => undefined)
  if (session?.token === token) await writeSession(profile, { ...session, sessionExpiresAt: now })
}

async function renew(
  profile: Profile,
  session: SessionDocument,
  { post, clock }: SessionDeps,
): Promise<SessionDocument> {
  const { url: edgeUrl } = profile.edge
  const { key, name } = profile
  const now = clock()
  const request = await renewRequest({ edgeUrl, key, sessionId: session.sessionId, now })
  const { status, text } = await post(request, profile.edge.caPem)
  const renewed = sessionDocument(readAnswer(name, status, text))
  await writeSession(profile, renewed)
  return renewed
}

/** RFC 6749 §5.2: invalid_grant is the one refusal that waiting does not mend. */
function readAnswer(profile: string, status: number, text: string) {
  try {
    return readTokenAnswer(status, text)
  } catch (error) {
    if (error instanceof TokenRefused && error.error === 'invalid_grant') {
      throw new SessionOver(profile, error.message)
    }
    throw error
  }
}

async function writeSession(profile: Profile, session: SessionDocument): Promise<void> {
  const file = path.join(profile.directory, PROFILE_FILES.session)
  await writeSecret(file, `${JSON.stringify(session, null, 2)}\n`)
}
