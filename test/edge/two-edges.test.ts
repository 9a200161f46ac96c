/** Costs about 25 s: every test starts two edges. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DrainProgress, EdgeStatus } from '../../edge/control/status.ts'
import type { FlowRow } from '../../edge/flows/row.ts'
import { followControl } from '../../process/control.ts'
import { app, type Device, type Site } from './house/house.ts'
import { clientFlows, connectorFlows } from './house/outliving.ts'
import type { Peer } from './house/peer.ts'
import { until } from './house/until.ts'
import { WholeEdge } from './house/whole.ts'

const PATIENCE_MS = 15_000

/** Two edges of one state directory, a connector with a tunnel to each, alice at the first. */
async function pairOf(t: TestContext) {
  const a = await WholeEdge.start(t)
  const site = await a.enrol('hq', 'domain:corp.internal')
  const device = await a.signIn('alice@example.com')
  const b = await a.beside(t, 'b')
  const held = connectorFlows()
  const join = async (edge: WholeEdge): Promise<Peer> => {
    const hq = await site.dial({ flows: held, at: edge.ready })
    hq.announce(app('wiki.corp.internal'))
    await until(() => edge.stderr.includes('connector-announced'), PATIENCE_MS)
    return hq
  }
  await Promise.all([join(a), join(b)])
  const flows = clientFlows()
  const alice = await device.dial({ flows })
  await alice.knows('wiki.corp.internal')
  return { a, b, site, device, flows, alice }
}

const rowsOf = async (edge: WholeEdge): Promise<FlowRow[]> =>
  (await edge.call<{ flows: FlowRow[] }>('flow.list')).flows

const shown = (rows: readonly FlowRow[]) =>
  rows.map(({ state, edge, attempt }) => [state, edge, attempt])

test('a flow of an edge that was killed comes back at the other, and no flow is unrecorded', async (t) => {
  const { a, b, device, flows, alice } = await pairOf(t)
  const probe = await alice.open('wiki.corp.internal').answered()
  const dead = await alice.open('wiki.corp.internal').answered()
  probe.say('one')
  await probe.hears('one')
  await until(() => a.stderr.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(
    shown(await rowsOf(b)),
    [
      ['open', 'edge', 1],
      ['open', 'edge', 1],
    ],
    'the other edge knows whose they are',
  )
  await a.end('SIGKILL')
  probe.say('two')
  await until(() => flows.detachedCount === 2, PATIENCE_MS)
  dead.flow.reset('cancelled')
  const elder = await device.dial({ flows, at: b.ready })
  flows.resumeOn(elder.endpoint)
  await probe.hears('onetwo')
  const rows = await rowsOf(b)
  const row = rows.find(({ flowId }) => flowId === probe.flowId)
  assert.deepEqual([row?.state, row?.edge, row?.attempt], ['open', 'b', 2])
  assert.equal(rows.length, 2)
})

test('what one edge learns the other knows: sessions, connectors, names, revocations, keys', async (t) => {
  const a = await WholeEdge.start(t)
  const b = await a.beside(t, 'b')
  const site: Site = await a.enrol('hq', 'domain:corp.internal')
  const device: Device = await a.signIn('alice@example.com')
  assert.equal(a.ready.caPem, b.ready.caPem)
  assert.equal(a.ready.deployment, b.ready.deployment)
  const hq = await site.dial()
  hq.announce(app('wiki.corp.internal'))
  const alice = await device.dial({ at: b.ready })
  await alice.knows('wiki.corp.internal')
  const { refusal } = await alice.open('wiki.corp.internal').answered()
  assert.equal(refusal?.code, 'connector-down', 'its connector is at the other edge only')
  await a.call('session.revoke', { session: 'alice@example.com' })
  assert.equal((await alice.closed).code, 'session-revoked')
  const files = await readdir(path.join(a.directory, 'state'))
  for (const file of ['edge.sock', 'edge-b.sock', 'tls-edge.pem', 'tls-b.pem', 'ca.pem']) {
    assert.ok(files.includes(file), file)
  }
  await b.call('connector.revoke', { connector: 'hq' })
  assert.equal((await hq.closed).code, 'connector-revoked')
})

test('READY lists every edge, its own first, also one that restarts; status shows them', async (t) => {
  const { a, b, device, alice } = await pairOf(t)
  assert.deepEqual(alice.ready.edges, [a.ready.url, b.ready.url])
  const other = await device.dial({ at: b.ready })
  assert.deepEqual(other.ready.edges, [b.ready.url, a.ready.url])
  assert.equal(await a.end('SIGTERM'), 0)
  const late = await device.dial({ at: b.ready })
  assert.deepEqual(late.ready.edges, [b.ready.url, a.ready.url])
  const { edges, name } = await b.call<EdgeStatus>('status')
  assert.equal(name, 'b')
  assert.deepEqual(
    edges.map(({ name, state }) => [name, state]),
    [
      ['b', 'running'],
      ['edge', 'stopped'],
    ],
  )
})

test('an edge that drains lets its flows move, tells how far it is, and ends by itself', async (t) => {
  const { a, b, device, flows, alice } = await pairOf(t)
  const probes = await Promise.all(
    Array.from({ length: 20 }, () => alice.open('wiki.corp.internal').answered()),
  )
  const younger = await device.dial({ flows, at: b.ready })
  const told: DrainProgress[] = []
  const following = (async () => {
    const params = { deadlineMs: 20_000 }
    for await (const item of followControl(a.ready.controlPath, 'edge.drain', params)) {
      told.push(item as DrainProgress)
    }
  })()
  await until(() => alice.isDraining, PATIENCE_MS)
  await assert.rejects(device.dial(), { code: 'shutting-down' })
  const late = await alice.open('wiki.corp.internal').answered()
  assert.equal((late.refusal ?? late.end)?.code, 'shutting-down')
  flows.move(alice.endpoint, younger.endpoint)
  await following
  assert.equal(await a.ended, 0)
  const [first, last] = [told[0], told.at(-1)]
  assert.deepEqual([first?.state, first?.flows, first?.others], ['draining', 20, ['b']])
  assert.deepEqual([last?.state, last?.flows, last?.moved], ['drained', 0, 20])
  for (const probe of probes) probe.say('here')
  await Promise.all(probes.map((probe) => probe.hears('here')))
  const rows = await rowsOf(b)
  assert.deepEqual(
    new Set(rows.map(({ state, edge, attempt }) => `${state} ${edge} ${attempt}`)),
    new Set(['open b 2']),
  )
})

test('the only edge that drains waits to its deadline, says what it would cut, and is come back to', async (t) => {
  const a = await WholeEdge.start(t)
  const site = await a.enrol('hq', 'domain:corp.internal')
  const held = connectorFlows()
  const hq = await site.dial({ flows: held })
  hq.announce(app('wiki.corp.internal'))
  const device = await a.signIn('alice@example.com')
  const flows = clientFlows()
  const alice = await device.dial({ flows })
  await alice.knows('wiki.corp.internal')
  const probe = await alice.open('wiki.corp.internal').answered()
  const told: DrainProgress[] = []
  const params = { deadlineMs: 1500 }
  for await (const item of followControl(a.ready.controlPath, 'edge.drain', params)) {
    told.push(item as DrainProgress)
  }
  assert.deepEqual([told[0]?.flows, told[0]?.others], [1, []])
  const last = told.at(-1)
  assert.deepEqual([last?.state, last?.flows], ['drained', 1])
  assert.ok((last?.afterMs ?? 0) >= 1500)
  assert.equal(await a.ended, 0)
  await until(() => flows.detachedCount === 1, PATIENCE_MS)

  const again = await a.restart(t)
  const back = await site.dial({ flows: held, at: again.ready })
  back.announce(app('wiki.corp.internal'))
  flows.resumeOn((await device.dial({ flows, at: again.ready })).endpoint)
  probe.say('back')
  await probe.hears('back')
  assert.deepEqual(shown(await rowsOf(again)), [['open', 'edge', 2]])
})
