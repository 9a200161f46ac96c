import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Attempt } from '../../client/way/attempt.ts'
import { Standing } from '../../client/way/standing.ts'
import { openWay } from '../../client/way.ts'
import { parseHostname } from '../../names/hostname.ts'
import { silentLog as log } from '../../process/log.ts'
import type { OpenRequest } from '../../tunnel/flow.ts'
import { type DoubleOptions, dialDouble, flowsDouble } from './dial-double.ts'
import { sessionOf, tempProfile } from './profile-dir.ts'
import { until } from './until.ts'

const [A, B] = ['https://127.0.0.1:1', 'https://127.0.0.1:2']
const WIKI = {
  name: parseHostname('wiki.corp.internal'),
  port: 80,
  protocol: 'tcp',
  onRamp: 'run',
} as const
const QUIET = { data() {}, ended() {}, reset() {}, drained() {} }

async function house(
  t: TestContext,
  script?: Parameters<typeof dialDouble>[0],
  options?: DoubleOptions,
) {
  const double = dialDouble(script, options)
  const flows = flowsDouble()
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const start = async () => {
    const way = await openWay(profile, { log, clock: Date.now, dial: double.dial, flows })
    t.after(() => way.close())
    return way
  }
  const way = await start()
  await until(() => double.tunnels.length > 0 || double.attempts.length > 2)
  return { ...double, flows, way, start }
}

const urls = (attempts: readonly { edgeUrl: string }[]) => attempts.map(({ edgeUrl }) => edgeUrl)

test('a second tunnel is dialled when the first is in doubt, and flows move to it', async (t) => {
  const { tunnels, attempts, flows, way } = await house(t)
  const [first] = tunnels
  assert.ok(first)
  first.isInDoubt = true
  first.handlers.doubted?.()
  way.open(WIKI, QUIET)
  assert.equal(first.flows.length, 0, 'no new flow goes to a tunnel in doubt')
  await until(() => tunnels.length === 2)
  assert.deepEqual(urls(attempts), [A, B])
  await until(() => flows.moves.length > 0)
  assert.deepEqual(flows.moves[0], { from: first.endpoint, to: tunnels[1]?.endpoint })
  assert.equal(tunnels[1]?.flows.length, 1)
  const states = () => way.status().tunnels.map(({ edgeUrl, state }) => [edgeUrl, state])
  assert.deepEqual(states(), [
    [A, 'in-doubt'],
    [B, 'open'],
  ])
  first.isInDoubt = false
  await until(() => states()[0]?.[1] === 'open')
  assert.equal(first.closed, undefined, 'it stays while it is young')
})

test('a doubt that is over before another tunnel stands needs none', async (t) => {
  const { tunnels, attempts, way } = await house(t, (_attempt, count) =>
    count > 1 ? 'tunnel-lost' : undefined,
  )
  const [first] = tunnels
  assert.ok(first)
  first.isInDoubt = true
  first.handlers.doubted?.()
  const flow = way.open(WIKI, QUIET)
  await until(() => attempts.length > 2)
  first.isInDoubt = false
  await until(() => first.flows.length === 1)
  assert.equal(first.flows[0]?.request.flowId, flow.id, 'what waited goes on it')
  const { length } = attempts
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.ok(attempts.length <= length + 1)
})

test('an edge that drains is left for another at once; its flows move in their own time', async (t) => {
  const { tunnels, attempts, flows } = await house(t)
  const [first] = tunnels
  assert.ok(first)
  first.endpoint.open(OPEN_FLOW, QUIET)
  first.isRetired = true
  const goAway = { lastStream: 1, spreadMs: 0, code: 'shutting-down', reason: 'drain' } as const
  first.handlers.goAway(goAway)
  await until(() => flows.moves.length > 0)
  assert.deepEqual(urls(attempts), [A, B])
  assert.deepEqual(flows.moves[0], { from: first.endpoint, to: tunnels[1]?.endpoint })
})

test('with one edge only, the same one is dialled again when it drains', async (t) => {
  const { tunnels, attempts } = await house(t, undefined, { edges: [A] })
  const [first] = tunnels
  assert.ok(first)
  first.isRetired = true
  const goAway = { lastStream: 0, spreadMs: 60_000, code: 'shutting-down', reason: '' } as const
  first.handlers.goAway(goAway)
  await until(() => tunnels.length === 2)
  assert.deepEqual(urls(attempts), [A, A])
})

test('flows that an edge cannot take back are asked for at another, beside the first', async (t) => {
  const { tunnels, attempts, flows, way } = await house(t)
  flows.detach(2)
  await until(() => flows.resumedOn.length > 0)
  assert.equal(flows.resumedOn[0], tunnels[0]?.endpoint)
  assert.equal(way.status().detached, 2)
  flows.onStranded?.()
  await until(() => tunnels.length === 2)
  assert.deepEqual(urls(attempts), [A, B])
  await until(() => flows.resumedOn.at(-1) === tunnels[1]?.endpoint)
  assert.equal(tunnels[0]?.closed, undefined)
})

test('flows without a tunnel make a client try all edges, at most two seconds apart', async (t) => {
  let isDown = false
  const { tunnels, attempts, flows } = await house(t, () => (isDown ? 'tunnel-lost' : undefined))
  isDown = true
  flows.detachedCount = 1
  tunnels[0]?.end('tunnel-lost')
  flows.detach(0)
  await until(() => attempts.length >= 4)
  assert.deepEqual(urls(attempts).slice(0, 4), [A, B, A, B])
  isDown = false
  await until(() => flows.resumedOn.length > 0)
})

test('the edges that were listed are known at the next start: the profile’s own may be down', async (t) => {
  let isDown = false
  const { attempts, way, start } = await house(t, ({ edgeUrl }) =>
    isDown && edgeUrl === A ? 'tunnel-lost' : undefined,
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  await way.close()
  isDown = true
  const again = await start()
  await until(() => again.status().tunnel === 'open')
  assert.deepEqual(urls(attempts), [A, A, B])
  assert.equal(again.status().edgeUrl, B)
})

test('a session that is over ends every tunnel and every flow that waits for one', async (t) => {
  const { tunnels, flows, way } = await house(t)
  const [first] = tunnels
  assert.ok(first)
  first.isInDoubt = true
  first.handlers.doubted?.()
  await until(() => tunnels.length === 2)
  flows.detach(2)
  first.end('session-revoked')
  assert.equal(tunnels[1]?.closed, 'session-revoked')
  assert.equal(flows.detachedCount, 0)
  assert.equal(way.status().tunnel, 'session-over')
})

test('a tunnel whose local address is gone is lost, or left where its flows would be cut', async () => {
  for (const canResume of [true, false]) {
    const double = dialDouble(undefined, { canResume })
    const session = sessionOf(Date.now())
    const attempt = { edgeUrl: A, session } as Attempt
    const handlers = { control() {}, goAway() {}, closed() {} }
    const standing = new Standing(await double.dial(attempt, handlers), session, 0)
    standing.tick(1_000, true)
    assert.equal(standing.doubtedAt, undefined)
    standing.tick(2_000, false)
    assert.equal(double.tunnels[0]?.lost, canResume ? 'the network address is gone' : undefined)
    assert.equal(standing.doubtedAt, 2_000)
  }
})

const OPEN_FLOW: OpenRequest = {
  ...{ flowId: '0'.repeat(32), name: 'wiki.corp.internal', port: 80, protocol: 'tcp' },
  context: new Uint8Array(),
}
