import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { FlowLog } from '../../edge/flows/log.ts'
import { type EndRecord, factsOf, type OpenRecord } from '../../edge/flows/record.ts'
import type { FlowRow } from '../../edge/flows/row.ts'
import type { Watched } from '../../edge/flows/watchers.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import { parseHostname } from '../../names/hostname.ts'
import { silentLog } from '../../process/log.ts'
import type { ResetCode } from '../../tunnel/codes.ts'

const clock = {
  now: Date.now,
  after: (delayMs: number, task: () => void) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

async function logOf(t: TestContext, live: Set<string> = new Set()) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-flows-'))
  const store = await openSqliteStore({ path: path.join(directory, 'edge.db') })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const isLive = (flowId: string) => live.has(flowId)
  return { store, flows: new FlowLog({ store, clock, log: silentLog, isLive }) }
}

const facts = (flowId: string, email: string, name: string, now = 1) =>
  factsOf(flowId, {
    who: { kind: 'person', issuer: 'demo', subject: email, email, claims: new Map() },
    session: 's1',
    name: parseHostname(name),
    port: 80,
    protocol: 'tcp',
    onRamp: 'run',
    device: { thumbprint: 't1', selfReported: { os: 'linux' } },
    now,
  })

const opened = (flowId: string, email = 'alice@example.com', name = 'wiki.corp.internal') =>
  ({
    ...facts(flowId, email, name),
    kind: 'open',
    rule: 'all-read',
    connector: { id: 'c1', name: 'hq' },
    gateMicros: 12,
  }) satisfies OpenRecord

const ended = (flowId: string, more: Partial<EndRecord> = {}): EndRecord => ({
  schema: 1,
  kind: 'end',
  time: 9,
  flowId,
  code: 'done',
  reason: '',
  by: 'client',
  bytesUp: 10,
  bytesDown: 20,
  instance: 'c1/x',
  micros: { gate: 12, relay: 3, resolve: 4, connect: 5 },
  ...more,
})

const refused = (flowId: string, email: string, code: ResetCode = 'policy-denied') =>
  ({
    ...facts(flowId, email, 'wiki.corp.internal'),
    kind: 'refused',
    code,
    reason: 'no rule allows it',
    gateMicros: 2,
  }) as const

test('the records of a flow are joined by its id, and say all that there is to say', async (t) => {
  const { flows } = await logOf(t)
  const first = opened('f1')
  flows.opened(first)
  flows.ended(first, ended('f1'))
  const [row, ...others] = await flows.list({}, 10)
  assert.equal(others.length, 0)
  assert.deepEqual(row, {
    schema: 1,
    time: 1,
    flowId: 'f1',
    who: {
      label: 'alice@example.com',
      kind: 'person',
      issuer: 'demo',
      subject: 'alice@example.com',
    },
    session: 's1',
    device: { thumbprint: 't1', selfReported: { os: 'linux' } },
    name: 'wiki.corp.internal',
    port: 80,
    protocol: 'tcp',
    onRamp: 'run',
    rule: 'all-read',
    connector: { id: 'c1', name: 'hq' },
    state: 'done',
    code: 'done',
    reason: '',
    by: 'client',
    endedAt: 9,
    bytesUp: 10,
    bytesDown: 20,
    instance: 'c1/x',
    micros: { gate: 12, relay: 3, resolve: 4, connect: 5 },
  })
})

test('a flow without an end is open while it lives and lost when its edge died', async (t) => {
  const { flows } = await logOf(t, new Set(['living']))
  flows.opened(opened('living'))
  flows.opened(opened('dead'))
  const states = (await flows.list({}, 10)).map(({ flowId, state }) => [flowId, state])
  assert.deepEqual(states, [
    ['living', 'open'],
    ['dead', 'lost'],
  ])
})

test('who, name and denied filter, and the limit keeps the newest', async (t) => {
  const { flows } = await logOf(t)
  flows.opened(opened('f1'))
  flows.refused(refused('f2', 'bob@example.com'))
  const cut = opened('f3', 'carol@example.com', 'db.corp.internal')
  flows.opened(cut)
  flows.ended(cut, ended('f3', { code: 'policy-changed', by: 'edge' }))
  const down = opened('f4', 'dave@example.com')
  flows.opened(down)
  flows.ended(down, ended('f4', { code: 'origin-reset', by: 'connector' }))
  const ids = async (filter: Parameters<FlowLog['list']>[0], limit = 10) =>
    (await flows.list(filter, limit)).map(({ flowId }) => flowId)
  assert.deepEqual(await ids({}), ['f1', 'f2', 'f3', 'f4'])
  assert.deepEqual(await ids({}, 2), ['f3', 'f4'])
  assert.deepEqual(await ids({ who: 'BOB' }), ['f2'])
  assert.deepEqual(await ids({ name: 'db.' }), ['f3'])
  assert.deepEqual(await ids({ denied: true }), ['f2', 'f3'])
  assert.deepEqual(await ids({ denied: true, who: 'carol' }), ['f3'])
  assert.deepEqual(await ids({ who: 'nobody' }), [])
})

test('a connector that refuses makes a refused row with its code', async (t) => {
  const { flows } = await logOf(t)
  const first = opened('f1')
  flows.opened(first)
  const { instance, ...end } = ended('f1', { code: 'origin-refused', by: 'connector' })
  assert.ok(instance)
  flows.ended(first, end)
  const [row] = await flows.list({ denied: true }, 10)
  assert.deepEqual([row?.state, row?.code], ['refused', 'origin-refused'])
})

test('a watcher sees flows as they open, are refused and end, and only those it asked for', async (t) => {
  const { flows } = await logOf(t)
  const stop = new AbortController()
  const seen: Watched[] = []
  const watching = (async () => {
    for await (const row of flows.watch({ who: 'alice' }, stop.signal)) seen.push(row)
  })()
  await new Promise((resolve) => setImmediate(resolve))
  const first = opened('f1')
  flows.opened(first)
  flows.refused(refused('f2', 'bob@example.com'))
  flows.ended(first, ended('f1'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  stop.abort()
  await watching
  assert.deepEqual(
    seen.map((row) => (row as FlowRow).state),
    ['open', 'done'],
  )
})

test('a watcher that does not read holds a bounded number of rows and is told how many it missed', async (t) => {
  const { flows } = await logOf(t)
  const stop = new AbortController()
  const rows = flows.watch({}, stop.signal)[Symbol.asyncIterator]()
  const first = rows.next()
  await new Promise((resolve) => setImmediate(resolve))
  for (let at = 0; at < 1500; at++) flows.opened(opened(`f${at}`))
  assert.equal(((await first).value as FlowRow).flowId, 'f0')
  const seen: Watched[] = []
  for (let at = 1; at < 1001; at++) seen.push((await rows.next()).value as Watched)
  assert.deepEqual(seen.at(-1), { schema: 1, skipped: 500 })
  stop.abort()
})

test('ten thousand records wait beside the flows and are all kept', async (t) => {
  const { flows, store } = await logOf(t)
  const begin = performance.now()
  for (let at = 0; at < 10_000; at++) flows.refused(refused(`f${at}`, 'bob@example.com'))
  const blocked = performance.now() - begin
  assert.ok(blocked < 100, `${blocked} ms`)
  await flows.flush()
  assert.equal((await store.read('flows', { newestFirst: true, limit: 1 }))[0]?.place, 10_000)
  assert.equal((await flows.list({ who: 'bob' }, 10_000)).length, 10_000)
})

test('a store that fails costs records, not flows, and says so once', async () => {
  const sentences: string[] = []
  const log = {
    ...silentLog,
    error: (_facts: object, sentence: string) => sentences.push(sentence),
  }
  const store = {
    append: () => Promise.reject(new Error('disk full')),
    read: () => Promise.resolve([]),
  }
  const flows = new FlowLog({ store, clock, log: log as never, isLive: () => false })
  for (let at = 0; at < 600; at++) flows.refused(refused(`f${at}`, 'bob@example.com'))
  await flows.flush()
  assert.equal(flows.lost, 600)
  assert.deepEqual(sentences, ['flow records cannot be kept'])
})
