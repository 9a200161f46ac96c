import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadSigningKeys } from '../../edge/sessions/signing-keys.ts'
import { makeDpop, renewTarget } from '../../identity/dpop.ts'
import { exchangeRequest, readTokenAnswer, renewRequest } from '../../identity/exchange.ts'
import { exportKey, makeDeviceKey } from '../../identity/key.ts'
import { PATHS } from '../../identity/wire.ts'
import {
  type IdentityEdge,
  ISSUER,
  idToken,
  refusalIn,
  signedIn,
  signIn,
  startIdentityEdge,
} from './identity-edge.ts'

let edge: IdentityEdge
beforeEach(async () => {
  edge = await startIdentityEdge()
})
afterEach(() => edge.close())

const renew = async (sessionId: string, key: ReturnType<typeof makeDeviceKey>) =>
  edge.send(await renewRequest({ edgeUrl: edge.url, key, sessionId, now: edge.now() }))

describe('signing in', () => {
  it('makes a session with a short token that is bound to the device', async () => {
    const key = makeDeviceKey()
    const answer = await signedIn(edge, key)
    assert.equal(answer.token_type, 'DPoP')
    assert.ok(answer.expires_in > 590 && answer.expires_in <= 600)
    assert.deepEqual(answer.byname.person, {
      issuer: ISSUER,
      subject: 'alice',
      email: 'alice@example.com',
    })
    const session = await edge.sessions.authenticate(answer.access_token)
    assert.equal(session.id, answer.byname.sessionId)
    assert.equal(session.deviceThumbprint, key.thumbprint)
    assert.deepEqual(session.devicePublicJwk, key.publicJwk)
    assert.equal(answer.byname.sessionExpiresAt, session.expiresAt)
    assert.ok(Math.abs(session.expiresAt - edge.now() - 86_400_000) < 5_000)
    assert.equal(edge.sessions.find(session.id), session)
  })

  it('keeps the claims that the issuer may supply, and no others', async () => {
    const token = await idToken({ groups: ['eng'], salary: 1, name: 'Alice' })
    const { byname } = await signedIn(edge, makeDeviceKey(), token)
    const { claims } = edge.sessions.find(byname.sessionId)?.person ?? {}
    assert.deepEqual(claims, { groups: ['eng'], name: 'Alice' })
  })

  it('leaves out an address of a domain that is not the issuers', async () => {
    const token = await idToken({ email: 'alice@other.example' })
    const { byname } = await signedIn(edge, makeDeviceKey(), token)
    assert.deepEqual(byname.person, { issuer: ISSUER, subject: 'alice' })
  })

  it('keeps three short facts of the device at most', async () => {
    const key = makeDeviceKey()
    const device = { hostName: 'laptop', os: 'x'.repeat(500), colour: 'red' }
    const ask = { edgeUrl: edge.url, key, idToken: await idToken(), device, now: edge.now() }
    const { status, text } = await edge.send(await exchangeRequest(ask))
    const { byname } = readTokenAnswer(status, text)
    const { deviceFacts } = edge.sessions.find(byname.sessionId) ?? {}
    assert.deepEqual(deviceFacts, { hostName: 'laptop', os: 'x'.repeat(128) })
  })

  it('again on the same device renews the same session, on another one makes another', async () => {
    const key = makeDeviceKey()
    const first = await signedIn(edge, key)
    const changed: string[] = []
    edge.sessions.onChanged(({ person }) => changed.push(String(person.claims.name)))
    edge.advance(60_000)
    const named = await idToken({ name: 'A. Lice' }, { now: edge.now() })
    const again = await signedIn(edge, key, named)
    const other = await signedIn(edge, makeDeviceKey())
    assert.equal(again.byname.sessionId, first.byname.sessionId)
    assert.ok(again.byname.sessionExpiresAt >= first.byname.sessionExpiresAt + 60_000)
    assert.notEqual(other.byname.sessionId, first.byname.sessionId)
    assert.deepEqual(changed, ['A. Lice'])
    assert.equal(edge.sessions.list().length, 2)
  })

  it('at once from several requests of one device gives one session', async () => {
    const key = makeDeviceKey()
    const answers = await Promise.all([1, 2, 3, 4].map(() => signedIn(edge, key)))
    assert.equal(new Set(answers.map(({ byname }) => byname.sessionId)).size, 1)
    assert.equal(edge.sessions.list().length, 1)
  })

  it('after a revocation makes a new session', async () => {
    const key = makeDeviceKey()
    const first = await signedIn(edge, key)
    await edge.sessions.revoke(first.byname.sessionId, { by: 'test' })
    const second = await signedIn(edge, key)
    assert.notEqual(second.byname.sessionId, first.byname.sessionId)
    await assert.rejects(edge.sessions.authenticate(first.access_token), {
      code: 'ERR_SESSION_ENDED',
    })
  })

  it('takes a lost reply: the same device may bring the same ID token again', async () => {
    const key = makeDeviceKey()
    const token = await idToken()
    const [first, again] = [await signedIn(edge, key, token), await signedIn(edge, key, token)]
    assert.equal(first.byname.sessionId, again.byname.sessionId)
  })

  it('with a spent ID token on another device is refused', async () => {
    const token = await idToken()
    await signedIn(edge, makeDeviceKey(), token)
    assert.deepEqual(refusalIn(await signIn(edge, makeDeviceKey(), token)), {
      status: 400,
      error: 'invalid_request',
      code: 'ERR_SUBJECT_TOKEN_SPENT',
    })
  })

  it('is recorded, and so is being refused', async () => {
    await signedIn(edge, makeDeviceKey())
    await signIn(edge, makeDeviceKey(), await idToken({ aud: 'others' }))
    const records = (await edge.store.read('audit')).map(({ record }) => record)
    const [opened, refused] = records as Record<string, string>[]
    assert.equal(opened?.event, 'session-opened')
    assert.equal(opened?.who, 'alice@example.com')
    assert.match(opened?.from ?? '', /^(::ffff:)?127\.0\.0\.1$/)
    assert.equal(refused?.event, 'session-refused')
    assert.equal(refused?.code, 'ERR_TOKEN_AUDIENCE')
  })
})

describe('renewing', () => {
  it('needs the device key only, and works without the issuer', async () => {
    const key = makeDeviceKey()
    const { byname } = await signedIn(edge, key)
    edge.advance(9 * 60_000)
    const { status, text } = await renew(byname.sessionId, key)
    const answer = readTokenAnswer(status, text)
    assert.equal(answer.byname.sessionId, byname.sessionId)
    assert.equal(answer.byname.sessionExpiresAt, byname.sessionExpiresAt)
    assert.ok(answer.byname.expiresAt > byname.expiresAt)
    await edge.sessions.authenticate(answer.access_token)
  })

  it('never gives a token that outlives the session', async () => {
    const key = makeDeviceKey()
    const { byname } = await signedIn(edge, key)
    edge.advance(86_400_000 - 60_000)
    const { status, text } = await renew(byname.sessionId, key)
    assert.ok(readTokenAnswer(status, text).byname.expiresAt <= byname.sessionExpiresAt)
  })

  for (const [what, ruin] of Object.entries({
    'another device': async () => ({ key: makeDeviceKey() }),
    'a revoked session': async (id: string) => {
      await edge.sessions.revoke(id, { by: 'test' })
      return {}
    },
    'a session whose life is over': async () => {
      edge.advance(86_400_000)
      return {}
    },
    'a session that never was': async () => ({ id: 'ses_000000000000000000000000' }),
  })) {
    it(`is refused to ${what}`, async () => {
      const key = makeDeviceKey()
      const { byname } = await signedIn(edge, key)
      const ruined: { key?: typeof key; id?: string } = await ruin(byname.sessionId)
      const answer = await renew(ruined.id ?? byname.sessionId, ruined.key ?? key)
      const { status, error } = refusalIn(answer) as { status: number; error: string }
      assert.deepEqual({ status, error }, { status: 400, error: 'invalid_grant' })
    })
  }

  it('is refused to a proof that was used before, also by another edge and after a restart', async () => {
    const key = makeDeviceKey()
    const { byname } = await signedIn(edge, key)
    const ask = { edgeUrl: edge.url, key, sessionId: byname.sessionId, now: edge.now() }
    const request = await renewRequest(ask)
    const replayed = { status: 400, error: 'invalid_dpop_proof', code: 'ERR_DPOP_REPLAYED' }
    assert.equal((await edge.send(request)).status, 200)
    assert.deepEqual(refusalIn(await edge.send(request)), replayed)
    const other = await startIdentityEdge({ directory: edge.directory })
    const url = edge.url + PATHS.token
    const dpop = String(request.headers.dpop)
    await assert.rejects(other.sessions.renew({ sessionId: byname.sessionId, dpop, url }), {
      code: 'ERR_DPOP_REPLAYED',
    })
    await other.close('keep')
  })

  it('works over the tunnel with a proof for that, and with no other', async () => {
    const key = makeDeviceKey()
    const { byname } = await signedIn(edge, key)
    const target = renewTarget(edge.deployment, byname.sessionId)
    const proof = await makeDpop(key, target, edge.now())
    const renewed = await edge.sessions.renewOverTunnel(byname.sessionId, proof)
    assert.equal((await edge.sessions.authenticate(renewed.token)).id, byname.sessionId)
    const refused = async (made: Promise<string>, code: string) =>
      assert.rejects(edge.sessions.renewOverTunnel(byname.sessionId, await made), { code })
    await refused(Promise.resolve(proof), 'ERR_DPOP_REPLAYED')
    await refused(makeDpop(makeDeviceKey(), target, edge.now()), 'ERR_SESSION_OTHER_DEVICE')
    const url = edge.url + PATHS.token
    await refused(makeDpop(key, { method: 'POST', url }, edge.now()), 'ERR_DPOP_PROOF')
    const elsewhere = renewTarget('another', byname.sessionId)
    await refused(makeDpop(key, elsewhere, edge.now()), 'ERR_DPOP_PROOF')
    await refused(makeDpop(key, target, edge.now() - 600_000), 'ERR_DPOP_PROOF')
    await refused(makeDpop(key, target, edge.now() + 600_000), 'ERR_DPOP_PROOF')
  })
})

describe('the end of a session', () => {
  it('is told once when it is revoked, before the revocation resolves', async () => {
    const { byname } = await signedIn(edge, makeDeviceKey())
    const told: string[] = []
    edge.sessions.onEnded((session, why) => told.push(`${session.id} ${why}`))
    assert.equal(await edge.sessions.revoke(byname.sessionId, { by: 'test' }), true)
    assert.deepEqual(told, [`${byname.sessionId} session-revoked`])
    assert.equal(edge.sessions.find(byname.sessionId), undefined)
    assert.equal(await edge.sessions.revoke(byname.sessionId, { by: 'test' }), false)
    await sleep(50)
    assert.equal(told.length, 1)
  })

  it('reaches another edge of the store within 20 ms', async () => {
    const other = await startIdentityEdge({ directory: edge.directory })
    const lags: number[] = []
    for (let i = 0; i < 9; i++) {
      const { byname } = await signedIn(edge, makeDeviceKey())
      await sleep(25)
      assert.ok(other.sessions.find(byname.sessionId), 'the other edge knows the session')
      const ended = Promise.withResolvers<string>()
      const forget = other.sessions.onEnded((_, why) => ended.resolve(why))
      const startedAt = performance.now()
      await edge.sessions.revoke(byname.sessionId, { by: 'test' })
      assert.equal(await ended.promise, 'session-revoked')
      lags.push(performance.now() - startedAt)
      forget()
    }
    await other.close('keep')
    const median = lags.toSorted((a, b) => a - b)[4] ?? Number.POSITIVE_INFINITY
    assert.ok(median <= 20, `${median} ms`)
  })

  it('is told when its life is over', async () => {
    const { byname } = await signedIn(edge, makeDeviceKey())
    const ended = Promise.withResolvers<string>()
    edge.sessions.onEnded((session, why) => ended.resolve(`${session.id} ${why}`))
    edge.advance(86_400_001)
    assert.equal(edge.sessions.find(byname.sessionId), undefined)
    assert.equal(await ended.promise, `${byname.sessionId} session-expired`)
  })

  it('is not told to a listener that has left', async () => {
    const { byname } = await signedIn(edge, makeDeviceKey())
    edge.sessions.onEnded(() => assert.fail('told'))()
    await edge.sessions.revoke(byname.sessionId, { by: 'test' })
  })
})

describe('edges that share a state directory', () => {
  it('take one anothers sessions and tokens at once, and after a restart', async () => {
    const other = await startIdentityEdge({ directory: edge.directory })
    const { access_token: token, byname } = await signedIn(edge, makeDeviceKey())
    assert.equal((await other.sessions.authenticate(token)).id, byname.sessionId)
    assert.ok(other.sessions.find(byname.sessionId), 'memory has it from then on')
    await other.close('keep')
    const restarted = await startIdentityEdge({ directory: edge.directory })
    assert.equal((await restarted.sessions.authenticate(token)).id, byname.sessionId)
    assert.equal(restarted.deployment, edge.deployment)
    await restarted.close('keep')
  })

  it('take a token of a key that was added after they started', async () => {
    const file = path.join(edge.directory, 'signing-keys.json')
    const document = JSON.parse(await readFile(file, 'utf8'))
    document.keys.push(exportKey(makeDeviceKey()))
    await writeFile(file, JSON.stringify(document))
    const newer = await startIdentityEdge({ directory: edge.directory })
    const { access_token: token, byname } = await signedIn(newer, makeDeviceKey())
    edge.advance(2_000)
    newer.advance(2_000)
    assert.equal((await edge.sessions.authenticate(token)).id, byname.sessionId)
    await newer.close('keep')
  })

  it('make one set of keys when they are first at the same time, readable by their owner only', async () => {
    const directory = path.join(edge.directory, 'fresh')
    const sets = await Promise.all([1, 2, 3, 4].map(() => loadSigningKeys(directory)))
    assert.equal(new Set(sets.map(({ signer }) => signer.kid)).size, 1)
    const { mode } = await stat(path.join(directory, 'signing-keys.json'))
    assert.equal(mode & 0o777, 0o600)
  })

  it('refuse damaged signing keys', async () => {
    for (const text of ['', '{', '{"schema":1,"keys":[]}', '{"schema":1,"keys":[{}]}', 'null']) {
      await writeFile(path.join(edge.directory, 'signing-keys.json'), text)
      await assert.rejects(loadSigningKeys(edge.directory), { code: 'ERR_SIGNING_KEYS' })
    }
  })
})
