import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { type Profile, readProfile } from '../../client/profile.ts'
import { exportKey, makeDeviceKey } from '../../identity/key.ts'
import { PROFILE_FILES, type SessionDocument } from '../../identity/profile.ts'
import { writeSecret } from '../../process/state.ts'

export const MINUTE_MS = 60_000

export function sessionOf(now: number, more: Partial<SessionDocument> = {}): SessionDocument {
  return {
    schema: 1,
    sessionId: 'session-1',
    token: 'token-1',
    expiresAt: now + 10 * MINUTE_MS,
    sessionExpiresAt: now + 24 * 60 * MINUTE_MS,
    person: { issuer: 'demo', subject: 'alice', email: 'alice@example.com' },
    ...more,
  }
}

export async function writeProfile(
  root: string,
  name: string,
  session: SessionDocument | undefined,
): Promise<string> {
  const directory = path.join(root, 'profiles', name)
  const write = (file: string, document: object) =>
    writeSecret(path.join(directory, file), JSON.stringify(document))
  const edge = { url: 'https://127.0.0.1:1', caPem: 'pem' }
  await write(PROFILE_FILES.profile, { schema: 1, name, edge, deployment: 'd', edgeName: 'edge' })
  await write(PROFILE_FILES.device, exportKey(makeDeviceKey()))
  if (session) await write(PROFILE_FILES.session, session)
  return directory
}

/** A directory of its own for one test, gone afterwards. */
export async function tempRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'byname-profile-'))
  t.after(() => rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
  return root
}

export async function tempProfile(
  t: TestContext,
  session: SessionDocument | undefined,
): Promise<Profile> {
  return readProfile(await writeProfile(await tempRoot(t), 'alice', session))
}
