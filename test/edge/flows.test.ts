import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { FlowLog } from '../../edge/flows/log.ts'
import {
  type DetachedRecord,
  type EndRecord,
  factsOf,
  type OpenRecord,
  type RefusedRecord,
  type ResumeRecord,
} from '../../edge/flows/record.ts'
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

async function logOf(t: TestContext, live: Set<string> = new Set(), now = Date.now) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-flows-'))
  const store = await openSqliteStore({ path: path.join(directory, 'edge.db') })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const isHeld = ({ flowId, edge }: { flowId: string; edge: string }) =>
    live.has(`${flowId}@${edge}`)
  const options = { store, clock: { ...clock, now }, log: silentLog, isHeld }
  return { store, flows: new FlowLog(options) }
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
    attempt: 1,
    edge: 'a',
    rule: 'all-read',
    connector: { id: 'c1', name: 'hq' },
    keyAgreementReported: { client: 'X25519', connector: 'X25519MLKEM768' },
    gateMicros: 12,
  }) satisfies OpenRecord

const resumed = (flowId: string, attempt: number, edge: string): ResumeRecord => ({
  ...opened(flowId),
  ...{ kind: 'resume', attempt, edge, time: attempt },
})

const left = (flowId: string) =>
  ({
    schema: 1,
    ...{ time: 9, flowId, session: 's1', attempt: 1, reason: '' },
    ...{ bytesUp: 10, bytesDown: 20, instance: 'c1/x' },
    micros: { gate: 12, relay: 3, resolve: 4, connect: 5 },
  }) as const

const detached = (flowId: string, more: Partial<DetachedRecord> = {}): DetachedRecord => ({
  ...left(flowId),
  ...{ kind: 'detached', code: 'tunnel-lost', ...more },
})

const ended = (flowId: string, more: Partial<EndRecord> = {}): EndRecord => ({
  ...left(flowId),
  ...{ kind: 'end', code: 'done', by: 'client', ...more },
})

const refused = (flowId: string, email: string, code: ResetCode = 'policy-denied') =>
  ({
    ...facts(flowId, email, 'wiki.corp.internal'),
    ...{ kind: 'refused', asked: 'open', attempt: 1, edge: 'a' },
    code,
    reason: 'no rule allows it',
    gateMicros: 2,
  }) as const satisfies RefusedRecord

test('the records of a flow are joined by its id, and say all that there is to say', async (t) => {
  const { flows } = await logOf(t)
  const first = opened('f1')
  flows.led(first)
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
    attempt: 1,
    edge: 'a',
    keyAgreementReported: { client: 'X25519', connector: 'X25519MLKEM768' },
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
  const { flows } = await logOf(t, new Set(['living@a']))
  flows.led(opened('living'))
  flows.led(opened('dead'))
  const states = (await flows.list({}, 10)).map(({ flowId, state }) => [flowId, state])
  assert.deepEqual(states, [
    ['living', 'open'],
    ['dead', 'lost'],
  ])
})

test('a flow that comes back at another edge is one row, of the edge that has it now', async (t) => {
  const { flows } = await logOf(t, new Set(['moved@b', 'killed@b']))
  flows.led(opened('moved'))
  // The edge that it left writes late.
  flows.led(resumed('moved', 2, 'b'))
  flows.detached(opened('moved'), detached('moved'))
  flows.led(opened('killed'))
  flows.led(resumed('killed', 4, 'b'))
  const rows = await flows.list({}, 10)
  assert.deepEqual(
    rows.map(({ flowId, state, attempt, edge }) => [flowId, state, attempt, edge]),
    [
      ['moved', 'open', 2, 'b'],
      ['killed', 'open', 4, 'b'],
    ],
  )
  flows.ended(resumed('moved', 2, 'b'), ended('moved', { attempt: 2, bytesUp: 77, time: 99 }))
  const [row] = await flows.list({}, 10)
  assert.deepEqual([row?.state, row?.bytesUp, row?.time, row?.endedAt], ['done', 77, 1, 99])
})

test('a flow without tunnels is detached for as long as it may come back, and lost afterwards', async (t) => {
  let now = 1000
  const { flows } = await logOf(t, new Set(), () => now)
  flows.led(opened('f1'))
  flows.detached(opened('f1'), detached('f1', { time: 1000, bytesDown: 5 }))
  const stateAt = async (at: number) => {
    now = at
    return (await flows.list({}, 10)).map(({ state, bytesDown }) => [state, bytesDown])
  }
  assert.deepEqual(await stateAt(1000), [['detached', 5]])
  assert.deepEqual(await stateAt(150_999), [['detached', 5]])
  assert.deepEqual(await stateAt(151_000), [['lost', 5]])
})

test('a flow that may not come back is reset by the edge, and another person of its id is not it', async (t) => {
  const { flows } = await logOf(t)
  flows.led(opened('f1'))
  flows.detached(opened('f1'), detached('f1', { time: Date.now() }))
  const back = { ...refused('f1', 'bob@example.com', 'resume-mismatch'), asked: 'resume' } as const
  flows.refused({ ...back, session: 's2', attempt: 9 })
  const states = async () =>
    (await flows.list({}, 10)).map(({ state, code, session }) => [state, code, session])
  assert.deepEqual(await states(), [
    ['detached', 'tunnel-lost', 's1'],
    ['refused', 'resume-mismatch', 's2'],
  ])
  flows.refused({ ...back, code: 'policy-changed', attempt: 2 })
  assert.deepEqual((await states())[0], ['reset', 'policy-changed', 's1'])
})

test('a flow that came back is shown though its opening was never written', async (t) => {
  const { flows } = await logOf(t, new Set(['f1@b']))
  flows.led(resumed('f1', 2, 'b'))
  const [row, ...others] = await flows.list({}, 10)
  assert.deepEqual([row?.flowId, row?.state, row?.attempt, others.length], ['f1', 'open', 2, 0])
})

test('who, name and denied filter, and the limit keeps the newest', async (t) => {
  const { flows } = await logOf(t)
  flows.led(opened('f1'))
  flows.refused(refused('f2', 'bob@example.com'))
  const cut = opened('f3', 'carol@example.com', 'db.corp.internal')
  flows.led(cut)
  flows.ended(cut, ended('f3', { code: 'policy-changed', by: 'edge' }))
  const down = opened('f4', 'dave@example.com')
  flows.led(down)
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
  flows.led(first)
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
  flows.led(first)
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
  for (let at = 0; at < 1500; at++) flows.led(opened(`f${at}`))
  assert.equal(((await first).value as FlowRow).flowId, 'f0')
  const seen: Watched[] = []
  for (let at = 1; at < 1001; at++) seen.push((await rows.next()).value as Watched)
  assert.deepEqual(seen.at(-1), { schema: 1, skipped: 500 })
  stop.abort()
})

test('ten thousand records wait beside the flows and are all kept', async (t) => {
  const { flows, store } = await logOf(t)
  // Others use this machine as well: what counts is the work.
  const begin = process.cpuUsage()
  for (let at = 0; at < 10_000; at++) flows.refused(refused(`f${at}`, 'bob@example.com'))
  const { user, system } = process.cpuUsage(begin)
  assert.ok(user + system < 100_000, `${user + system} µs`)
  await flows.flush()
  assert.equal((await store.read('flows', { newestFirst: true, limit: 1 }))[0]?.place, 10_000)
  assert.equal((await flows.list({ who: 'bob' }, 10_000)).length, 10_000)
})

test('a record that is too large is lost alone', async (t) => {
  const { flows, store } = await logOf(t)
  flows.refused(refused('before', 'bob@example.com'))
  flows.refused(refused('too-large', 'b'.repeat(20_000)))
  flows.refused(refused('after', 'bob@example.com'))
  await flows.flush()
  const kept = (await store.read('flows')).map(
    ({ record }) => (record as { flowId: string }).flowId,
  )
  assert.deepEqual(kept, ['before', 'after'])
  assert.equal(flows.lost, 1)
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
  const flows = new FlowLog({ store, clock, log: log as never, isHeld: () => false })
  for (let at = 0; at < 600; at++) flows.refused(refused(`f${at}`, 'bob@example.com'))
  await flows.flush()
  assert.equal(flows.lost, 600)
  assert.deepEqual(sentences, ['flow records cannot be kept'])
})
