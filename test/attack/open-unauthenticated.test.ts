import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeDeviceKey } from '../../identity/key.ts'
import { signProof } from '../../identity/proof.ts'
import { TunnelError } from '../../tunnel/codes.ts'
import { Endpoint } from '../../tunnel/endpoint.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import { dialLink, systemClock } from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { dialHandshake } from '../../tunnel/messages/handshake.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import type { LinkClosed, LinkPort } from '../../tunnel/port.ts'
import { startHouse } from '../edge/house/house.ts'
import { Peer } from '../edge/house/peer.ts'
import { until } from '../edge/house/until.ts'

test('an OPEN before AUTH closes the tunnel and reaches no connector', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const { url, caPem: ca } = house.target
  const link = await dialLink({ url: `${url}/tunnel`, ca })
  const { closed } = openAtOnce(link)
  await closed
  assert.equal(hq.peer.endpoint.flowCount, 0)
  assert.equal(house.board.tunnels.counts().client, 0)
  assert.equal((await house.records()).length, 0)
})

/** Sends an OPEN over a link as it is, whatever its peer is. */
function openAtOnce(link: LinkPort): { readonly closed: Promise<LinkClosed> } {
  const closed = Promise.withResolvers<LinkClosed>()
  const endpoint = new Endpoint({
    role: 'client',
    link,
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    codec: controlCodec,
    handlers: {
      incoming: () => undefined,
      control: () => undefined,
      goAway: () => undefined,
      closed: closed.resolve,
    },
  })
  const flowId = randomBytes(16).toString('hex')
  const context = writeContext({ onRamp: 'run' })
  const request = { flowId, name: 'wiki.corp.internal', port: 80, protocol: 'tcp' } as const
  endpoint.open(
    { ...request, context },
    {
      opened: () => assert.fail('it opened'),
      data: () => assert.fail('data came'),
      ended: () => undefined,
      reset: () => undefined,
      drained: () => undefined,
    },
  )
  return { closed: closed.promise }
}

const refusedAs = (code: string) => (error: unknown) => {
  assert.ok(error instanceof TunnelError, String(error))
  assert.equal(error.code, code)
  return true
}

test('a token with another device’s key, a key of nobody and an unknown connector do not get in', async (t) => {
  const house = await startHouse(t)
  const alice = house.person('alice@example.com')
  const site = house.site('hq', 'domain:corp.internal')
  const key = makeDeviceKey()
  const stolen = { kind: 'session', token: alice.sessionId } as const
  const posing = { kind: 'connector', connectorId: site.connectorId } as const
  const unknown = { kind: 'connector', connectorId: 'nobody' } as const
  const instance = 'x.1'
  const attempts = [
    Peer.dial(house.target, { role: 'client', credential: stolen, key }),
    Peer.dial(house.target, { role: 'connector', credential: posing, key, instance }),
    Peer.dial(house.target, { role: 'connector', credential: unknown, key, instance }),
  ]
  for (const attempt of attempts) await assert.rejects(attempt, refusedAs('not-authenticated'))
  assert.deepEqual(house.board.tunnels.counts(), { client: 0, connector: 0 })
  const refused = house.lines.filter(({ event }) => event === 'peer-refused')
  assert.equal(refused.length, 3)
})

test('a proof for another deployment, or another edge’s handshake, does not get in', async (t) => {
  const [house, other] = [await startHouse(t), await startHouse(t)]
  const alice = house.person('alice@example.com')
  const credential = { kind: 'session', token: alice.sessionId } as const
  const elsewhere = { ...other.target, deployment: 'd2' }
  await assert.rejects(Peer.dial(elsewhere, { role: 'client', credential, key: alice.key }))
  await assert.rejects(
    Peer.dial(other.target, { role: 'client', credential, key: alice.key }),
    refusedAs('session-revoked'),
  )
})

test('a revoked session is cut at once with the reason, and does not come back', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const device = house.person('alice@example.com')
  const [first, second] = [await device.dial(), await device.dial()]
  const others = await house.person('alice@example.com').dial()
  const flows = await Promise.all(
    [first, second].map((peer) => peer.open('wiki.corp.internal').answered()),
  )
  const kept = await others.open('wiki.corp.internal').answered()
  const begin = performance.now()
  await house.revokeSession(device.sessionId)
  for (const flow of flows) {
    assert.equal((await flow.reset()).code, 'session-revoked')
    assert.ok((flow.endedAt ?? Infinity) - begin < 1000)
  }
  for (const peer of [first, second]) assert.equal((await peer.closed).code, 'session-revoked')
  await assert.rejects(device.dial(), refusedAs('session-revoked'))
  kept.say('still here')
  await kept.hears('still here')
})

test('a session that ends while its handshake is under way gets no tunnel', async (t) => {
  const house = await startHouse(t)
  const device = house.person('alice@example.com')
  const dialling = device.dial()
  const ended = house.revokeSession(device.sessionId)
  const outcome = await dialling.then(
    (peer) => peer.closed.then(({ code }) => code),
    (error: TunnelError) => error.code,
  )
  await ended
  assert.equal(outcome, 'session-revoked')
  assert.equal(house.board.tunnels.counts().client, 0)
})

test('a revoked connector loses its tunnels and flows within a second, and does not come back', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const second = await hq.dial()
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  const begin = performance.now()
  await house.revokeConnector(hq.connectorId)
  assert.equal((await flow.reset()).code, 'connector-revoked')
  for (const peer of [hq.peer, second]) assert.equal((await peer.closed).code, 'connector-revoked')
  assert.ok(performance.now() - begin < 1000)
  await assert.rejects(hq.dial(), refusedAs('connector-revoked'))
  await until(() => alice.catalog?.entries.length === 0)
  const { refusal } = await alice.open('wiki.corp.internal').answered()
  assert.equal(refusal?.code, 'no-such-name')
})

test('an OPEN from a connector closes its tunnel', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const { key } = hq
  const credential = { kind: 'connector', connectorId: hq.connectorId } as const
  const { url, caPem: ca, deployment } = house.target
  const link = await dialLink({ url: `${url}/tunnel`, ca })
  const sign = (transcript: Uint8Array) => signProof(key, transcript)
  const asked = { role: 'connector', version: 't', instance: 'x', deployment, facts: {} } as const
  await dialHandshake(link, { ...asked, credential, sign }, systemClock)
  const { closed } = openAtOnce(link)
  assert.equal((await closed).code, 'protocol-error')
  const flow = await alice.open('wiki.corp.internal').answered()
  assert.ok(flow.opened)
})

test('a context that is no JSON, or of an on-ramp that is not, is refused and harms no other flow', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  for (const text of ['', '{', '[]', '{"onRamp":"root"}', '{"onRamp":1}']) {
    const context = Buffer.from(text)
    const { refusal, end } = await alice.open('wiki.corp.internal', 80, { context }).answered()
    assert.equal(refusal?.code ?? end?.code, 'protocol-error', text)
  }
  flow.say('still here')
  await flow.hears('still here')
})
