import assert from 'node:assert/strict'
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { withFileLock } from '../../client/session/lock.ts'
import { freshSession, keepToken, readSession, type SessionDeps } from '../../client/session.ts'
import { MINUTE_MS, sessionOf, tempProfile, tempRoot } from './profile-dir.ts'

const NOW = 1_800_000_000_000

/** An edge that gives a new token each time, slowly. */
function edge(): SessionDeps & { asked: number } {
  const deps = {
    asked: 0,
    clock: () => NOW,
    async post() {
      deps.asked++
      await new Promise((resolve) => setTimeout(resolve, 50))
      const { sessionId, sessionExpiresAt, person } = sessionOf(NOW)
      const expiresAt = NOW + 10 * MINUTE_MS
      const byname = { schema: 1, deployment: 'd', sessionId, expiresAt, sessionExpiresAt, person }
      return {
        status: 200,
        text: JSON.stringify({ access_token: `token-${deps.asked + 1}`, byname }),
      }
    },
  }
  return deps
}

const refusing = (error: string, code: string): SessionDeps => ({
  clock: () => NOW,
  post: async () => ({
    status: 400,
    text: JSON.stringify({ error, error_description: 'the session has ended', code }),
  }),
})

test('a token with life left is used as it is', async (t) => {
  const profile = await tempProfile(t, sessionOf(NOW))
  const deps = edge()
  assert.equal((await freshSession(profile, deps)).token, 'token-1')
  assert.equal(deps.asked, 0)
})

test('a spent token is renewed once for all who ask at the same time', async (t) => {
  const profile = await tempProfile(t, sessionOf(NOW, { expiresAt: NOW + 1000 }))
  const deps = edge()
  const all = await Promise.all(Array.from({ length: 10 }, () => freshSession(profile, deps)))
  assert.equal(deps.asked, 1)
  assert.deepEqual(new Set(all.map(({ token }) => token)), new Set(['token-2']))
  assert.equal((await readSession(profile, NOW)).token, 'token-2')
})

test('a token that the edge did not take is renewed though its time is not up', async (t) => {
  const profile = await tempProfile(t, sessionOf(NOW))
  const deps = edge()
  assert.equal((await freshSession(profile, deps, 'token-1')).token, 'token-2')
  assert.equal((await freshSession(profile, deps, 'token-1')).token, 'token-2')
  assert.equal(deps.asked, 1)
})

test('a session that has ended, or was never begun, asks for a sign-in', async (t) => {
  const over = { code: 'ERR_SESSION_OVER', exitCode: 4 }
  const ended = await tempProfile(t, sessionOf(NOW, { sessionExpiresAt: NOW }))
  await assert.rejects(freshSession(ended, edge()), over)
  await assert.rejects(freshSession(await tempProfile(t, undefined), edge()), over)
  const spent = await tempProfile(t, sessionOf(NOW, { expiresAt: NOW }))
  await assert.rejects(freshSession(spent, refusing('invalid_grant', 'ERR_SESSION_ENDED')), over)
})

test('an edge that is busy or talks nonsense does not end the session', async (t) => {
  const profile = await tempProfile(t, sessionOf(NOW, { expiresAt: NOW }))
  const busy = freshSession(profile, refusing('temporarily_unavailable', 'ERR_STORE'))
  await assert.rejects(busy, { code: 'ERR_STORE' })
  const deps = { clock: () => NOW, post: async () => ({ status: 200, text: '<html>' }) }
  await assert.rejects(freshSession(profile, deps), { code: 'ERR_EDGE_ANSWER' })
  assert.equal((await freshSession(profile, edge())).token, 'token-2')
})

test('a token that came over the tunnel is kept, unless the session is another by now', async (t) => {
  const profile = await tempProfile(t, sessionOf(NOW))
  const renewed = { token: 'token-9', expiresAt: NOW + 20 * MINUTE_MS }
  await keepToken(profile, 'session-0', renewed, NOW)
  assert.equal((await readSession(profile, NOW)).token, 'token-1')
  await keepToken(profile, 'session-1', renewed, NOW)
  assert.equal((await readSession(profile, NOW)).token, 'token-9')
  await keepToken(profile, 'session-1', { token: 'older', expiresAt: NOW }, NOW)
  assert.equal((await readSession(profile, NOW)).token, 'token-9')
})

test('a lock that a dead process left is taken over, a live one is waited for', async (t) => {
  const lock = path.join(await tempRoot(t), 'lock')
  await writeFile(lock, '1\n')
  const old = new Date(Date.now() - 60_000)
  await utimes(lock, old, old)
  assert.equal(await withFileLock(lock, async () => 'mine'), 'mine')
  await writeFile(lock, '1\n')
  const waiting = withFileLock(lock, async () => 'after')
  setTimeout(() => void rm(lock), 60)
  assert.equal(await waiting, 'after')
})

test('a lock that cannot be made is an error and not a wait without end', async (t) => {
  const root = await tempRoot(t)
  await mkdir(path.join(root, 'lock'))
  await assert.rejects(
    withFileLock(path.join(root, 'gone', 'lock'), async () => 1),
    { code: 'ENOENT' },
  )
})
