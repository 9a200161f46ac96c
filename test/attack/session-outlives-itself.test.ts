import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDeviceKey } from '../../identity/key.ts'
import { startHouse } from '../edge/house/house.ts'
import { idToken, refusalIn, signedIn, signIn, startIdentityEdge } from '../edge/identity-edge.ts'

test('the ID token of a revoked session brings no new one, also not at another edge', async (t) => {
  const edge = await startIdentityEdge()
  t.after(() => edge.close())
  const other = await startIdentityEdge({ directory: edge.directory })
  t.after(() => other.close('keep'))
  const [key, token] = [makeDeviceKey(), await idToken()]
  const { byname } = await signedIn(edge, key, token)
  // A lost reply: the same session again.
  assert.equal((await signedIn(edge, key, token)).byname.sessionId, byname.sessionId)
  await edge.sessions.revoke(byname.sessionId, { by: 'an admin' })
  for (const one of [edge, other]) {
    assert.deepEqual(refusalIn(await signIn(one, key, token)), {
      status: 400,
      error: 'invalid_grant',
      code: 'ERR_SESSION_ENDED',
    })
  }
  const fresh = await signedIn(other, key, await idToken())
  assert.notEqual(fresh.byname.sessionId, byname.sessionId)
})

test('a session whose time is up is cut although the store, which cannot be written, tells nobody', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const device = house.person('alice@example.com')
  const alice = await device.dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  assert.ok(flow.opened)
  // The names that came judge all flows once more after a pause.
  await new Promise((resolve) => setTimeout(resolve, 100))
  house.expireSession(device.sessionId)
  assert.equal((await flow.reset()).code, 'session-expired')
  assert.equal((await alice.closed).code, 'session-expired')
  assert.equal(house.board.gate.liveCount, 0)
})
