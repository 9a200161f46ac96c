import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FlowHandlers, FlowTarget } from '../../client/flow.ts'
import type { Profile } from '../../client/profile.ts'
import { openWay, type Way } from '../../client/way.ts'
import { parseHostname } from '../../names/hostname.ts'
import { silentLog as log } from '../../process/log.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import type { Catalog } from '../../tunnel/control.ts'
import { dialDouble } from './dial-double.ts'
import { sessionOf, tempProfile } from './profile-dir.ts'
import { until } from './until.ts'

const WIKI: FlowTarget = {
  name: parseHostname('wiki.corp.internal'),
  port: 80,
  protocol: 'tcp',
  onRamp: 'socks',
}
const CATALOG: Catalog = {
  kind: 'catalog',
  revision: 7,
  zones: ['corp.internal'],
  entries: [
    { pattern: 'wiki.corp.internal', owned: true, ports: [{ from: 80, to: 80, protocol: 'tcp' }] },
  ],
}

async function wayOn(
  t: TestContext,
  dial: ReturnType<typeof dialDouble>['dial'],
  more: { profile?: Profile; patienceMs?: number } = {},
): Promise<Way & { profile: Profile }> {
  const profile = more.profile ?? (await tempProfile(t, sessionOf(Date.now())))
  const { patienceMs = 2000 } = more
  const way = await openWay(profile, { log, clock: Date.now, dial, patienceMs })
  t.after(() => way.close())
  return Object.assign(way, { profile })
}

/** Handlers that write down what they are told. */
function notebook() {
  const notes: string[] = []
  const handlers: FlowHandlers = {
    opened: () => notes.push('opened'),
    refused: ({ code }) => notes.push(`refused ${code}`),
    data: (chunk) => notes.push(`data ${Buffer.from(chunk)}`),
    ended: () => notes.push('ended'),
    reset: ({ code }) => notes.push(`reset ${code}`),
    drained: () => notes.push('drained'),
  }
  return { notes, handlers }
}

const OPENED = { instance: 'i', gateMicros: 1, relayMicros: 1, resolveMicros: 1, connectMicros: 1 }

test('a flow that is asked for before the tunnel stands is opened when it does', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  const { notes, handlers } = notebook()
  const flow = way.open(WIKI, handlers)
  flow.write(Buffer.from('GET /'))
  flow.end()
  await until(() => double.tunnels[0]?.flows.length === 1)
  const opened = double.tunnels[0]?.flows[0]
  assert.equal(opened?.request.flowId, flow.id)
  assert.equal(Buffer.concat(opened?.written ?? []).toString(), 'GET /')
  assert.equal(opened?.ended, true)
  opened?.handlers.opened?.(OPENED)
  assert.deepEqual(notes, ['opened'])
})

test('a flow waits for a tunnel for a bounded time and is then refused', async (t) => {
  const double = dialDouble(() => 'tunnel-lost')
  const way = await wayOn(t, double.dial, { patienceMs: 60 })
  const { notes, handlers } = notebook()
  way.open(WIKI, handlers)
  assert.deepEqual(notes, [])
  await until(() => notes.length > 0)
  assert.deepEqual(notes, ['refused tunnel-lost'])
  assert.equal(way.status().tunnel, 'connecting')
  assert.match(way.status().reason ?? '', /refused: tunnel-lost/)
})

test('a program that writes without a tunnel is stopped at a bound, and let go on', async (t) => {
  let isUp = false
  const double = dialDouble(() => (isUp ? undefined : 'tunnel-lost'))
  const way = await wayOn(t, double.dial)
  const { notes, handlers } = notebook()
  const flow = way.open(WIKI, handlers)
  let chunks = 1
  while (flow.write(Buffer.alloc(10_000))) chunks++
  assert.ok(chunks <= 7, `${chunks}`)
  isUp = true
  await until(() => notes.includes('drained'))
  assert.equal(Buffer.concat(double.tunnels[0]?.flows[0]?.written ?? []).length, chunks * 10_000)
})

test('a lost tunnel is dialled again, at another edge of the deployment', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  await until(() => way.status().tunnel === 'open')
  double.tunnels[0]?.end('tunnel-lost')
  assert.equal(way.status().tunnel, 'connecting')
  await until(() => double.tunnels.length === 2)
  assert.equal(double.attempts[1]?.edgeUrl, 'https://127.0.0.1:2')
  await until(() => way.status().tunnel === 'open')
})

test('an unanswered flow without a byte sent is asked again elsewhere, with the same id', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  await until(() => way.status().tunnel === 'open')
  const [silent, spoken, answered] = [notebook(), notebook(), notebook()]
  const flow = way.open(WIKI, silent.handlers)
  way.open(WIKI, spoken.handlers).write(Buffer.from('POST /'))
  way.open(WIKI, answered.handlers)
  double.tunnels[0]?.flows[2]?.handlers.opened?.(OPENED)
  double.tunnels[0]?.end('tunnel-lost')
  await until(() => double.tunnels[1]?.flows.length === 1)
  assert.equal(double.tunnels[1]?.flows[0]?.request.flowId, flow.id)
  assert.deepEqual(silent.notes, [])
  assert.deepEqual(spoken.notes, ['refused tunnel-lost'])
  assert.deepEqual(answered.notes, ['opened', 'reset tunnel-lost'])
})

test('a draining edge gets no more flows, keeps those it has, and is left when it is empty', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  await until(() => way.status().tunnel === 'open')
  const { handlers } = notebook()
  const flow = way.open(WIKI, handlers)
  const first = double.tunnels[0]
  first?.flows[0]?.handlers.opened?.(OPENED)
  if (first) first.isRetired = true
  first?.handlers.goAway({ lastStream: 1, spreadMs: 0, code: 'shutting-down', reason: 'drain' })
  way.open(WIKI, notebook().handlers)
  await until(() => double.tunnels[1]?.flows.length === 1)
  assert.equal(first?.flows.length, 1)
  assert.equal(first?.closed, undefined)
  flow.reset('cancelled')
  await until(() => first?.closed === 'shutting-down')
})

test('what an edge that drains refuses is asked for again, with its early bytes, while patience lasts', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial, { patienceMs: 700 })
  await until(() => way.status().tunnel === 'open')
  const { notes, handlers } = notebook()
  const flow = way.open(WIKI, handlers)
  flow.write(Buffer.from('early'))
  const flows = double.tunnels[0]?.flows ?? []
  const refuse = (at: number) =>
    flows[at]?.handlers.refused?.({ code: 'shutting-down', reason: 'drains', facts: {} })
  refuse(0)
  await until(() => flows.length === 2)
  refuse(1)
  await until(() => flows.length === 3)
  assert.deepEqual(
    flows.map(({ request }) => [request.flowId, request.attempt]),
    [1, 2, 3].map((attempt) => [flow.id, attempt]),
  )
  assert.ok(flows.every(({ written }) => Buffer.concat(written).toString() === 'early'))
  assert.equal(flow.bytesSent, 5)
  await new Promise((resolve) => setTimeout(resolve, 500))
  refuse(2)
  assert.deepEqual(notes, ['refused shutting-down'])
})

test('a program that begins while its connectors are on their way back waits for them', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  await until(() => way.status().tunnel === 'open')
  const down = { code: 'connector-down', reason: 'none is connected', facts: {} } as const
  const early = notebook()
  way.open(WIKI, early.handlers)
  double.tunnels[0]?.flows[0]?.handlers.refused?.(down)
  assert.deepEqual(
    early.notes,
    ['refused connector-down'],
    'no edge was lost: nobody is on his way',
  )
  double.tunnels[0]?.end('tunnel-lost')
  await until(() => way.status().tunnel === 'open')
  const late = notebook()
  way.open(WIKI, late.handlers)
  const flows = double.tunnels[1]?.flows ?? []
  flows[0]?.handlers.refused?.(down)
  await until(() => flows.length === 2)
  flows[1]?.handlers.opened?.(OPENED)
  assert.deepEqual(late.notes, ['opened'])
})

test('the catalogue is followed, kept on disk, and read again at the next start', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  await until(() => double.tunnels.length === 1)
  assert.equal(way.ownership.find(WIKI.name).kind, 'not-ours')
  let told = 0
  way.onCatalog(() => told++)
  const ready = way.ready(1000)
  double.tunnels[0]?.handlers.control(CATALOG)
  await ready
  assert.equal(told, 1)
  assert.equal(way.ownership.find(WIKI.name).kind, 'owned')
  assert.equal(way.status().catalogRevision, 7)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const offline = dialDouble(() => 'tunnel-lost')
  const next = await wayOn(t, offline.dial, { profile: way.profile })
  await next.ready(0)
  assert.equal(next.ownership.find(WIKI.name).kind, 'owned')
})

test('a kept catalogue that is damaged or somebody else’s counts as none', async (t) => {
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const file = path.join(profile.directory, 'catalog.json')
  const of = (subject: string) => ({ schema: 1, deployment: 'd', subject, catalog: CATALOG })
  for (const text of ['{', '{}', 'null', JSON.stringify(of('bob'))]) {
    await writeFile(file, text)
    const way = await wayOn(t, dialDouble(() => 'tunnel-lost').dial, { profile })
    assert.equal(way.catalog, undefined, text)
    await assert.rejects(way.ready(20), { code: 'ERR_EDGE_UNREACHABLE', exitCode: 3 })
  }
})

test('questions are asked over the tunnel and answered, once for the same question', async (t) => {
  const double = dialDouble()
  const way = await wayOn(t, double.dial)
  const early = way.resolve(WIKI.name, 'SRV')
  await until(() => way.status().tunnel === 'open')
  const all = [early, way.resolve(WIKI.name, 'SRV'), way.resolve(WIKI.name, 'SRV')]
  const [tunnel] = double.tunnels
  await until(() => tunnel?.sent.length === 1)
  const asked = tunnel?.sent[0]
  assert.ok(asked?.kind === 'resolve')
  const answer = { kind: 'resolved', answer: 'absent', ttlSeconds: 5, records: [] } as const
  tunnel?.handlers.control({ ...answer, id: asked.id + 1 })
  tunnel?.handlers.control({ ...answer, id: asked.id })
  assert.deepEqual(
    (await Promise.all(all)).map(({ kind }) => kind),
    ['absent', 'absent', 'absent'],
  )
  const lost = way.resolve(WIKI.name, 'MX')
  await until(() => tunnel?.sent.length === 2)
  tunnel?.end('tunnel-lost')
  assert.equal((await lost).kind, 'failed')
})

test('a revoked session ends flows with the code, suspends names, and comes back with a sign-in', async (t) => {
  const dead = new Set(['token-1'])
  const double = dialDouble(({ session }) =>
    dead.has(session.token) ? 'session-revoked' : undefined,
  )
  const way = await wayOn(t, double.dial)
  const { notes, handlers } = notebook()
  way.open(WIKI, handlers)
  await until(() => notes.length > 0)
  assert.deepEqual(notes, ['refused session-revoked'])
  assert.equal(way.status().tunnel, 'session-over')
  await assert.rejects(way.ready(1000), { code: 'ERR_SESSION_OVER', exitCode: 4 })
  const later = notebook()
  way.open(WIKI, later.handlers)
  await until(() => later.notes.length > 0)
  assert.deepEqual(later.notes, ['refused session-revoked'])
  assert.equal(double.attempts.length, 1)
  const renewed = JSON.stringify(sessionOf(Date.now(), { token: 'token-2' }))
  await writeFile(path.join(way.profile.directory, 'session.json'), renewed)
  await until(() => way.status().tunnel === 'open')
})

test('a way does not begin with a session that is over', async (t) => {
  const profile = await tempProfile(t, sessionOf(Date.now(), { sessionExpiresAt: 1 }))
  await assert.rejects(openWay(profile, { log, clock: Date.now, dial: dialDouble().dial }), {
    code: 'ERR_SESSION_OVER',
    exitCode: 4,
  })
})

test('closing refuses what waits, closes the tunnel and stops dialling', async (t) => {
  const double = dialDouble((_attempt, count) => (count > 1 ? 'tunnel-lost' : undefined))
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const way = await openWay(profile, { log, clock: Date.now, dial: double.dial })
  await until(() => way.status().tunnel === 'open')
  await way.close()
  assert.equal(double.tunnels[0]?.closed, 'shutting-down' satisfies ResetCode)
  assert.equal(double.attempts.length, 1)
  const offline = await openWay(profile, {
    log,
    clock: Date.now,
    dial: dialDouble(() => 'internal').dial,
  })
  const { notes, handlers } = notebook()
  offline.open(WIKI, handlers)
  await offline.close()
  assert.deepEqual(notes, ['refused shutting-down'])
})
