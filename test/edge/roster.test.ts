import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { Roster } from '../../edge/roster.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import { silentLog } from '../../process/log.ts'
import { until } from './house/until.ts'

async function storeOf(t: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-roster-'))
  const time = { now: 1_000_000 }
  const now = () => time.now
  const open = () => openSqliteStore({ path: path.join(directory, 'edge.db'), now })
  t.after(() => rm(directory, { recursive: true, maxRetries: 5, retryDelay: 20 }))
  const complaints: string[] = []
  const log = { ...silentLog, error: (_: object, text: string) => void complaints.push(text) }
  const edge = async (name: string) => {
    const store = await open()
    const url = `https://${name}.example`
    const options = { store, name, url, startedAt: time.now, now, log: log as never }
    const roster = await Roster.open(options)
    t.after(async () => {
      await roster.close()
      await store.close()
    })
    return roster
  }
  return { edge, time, complaints }
}

const names = (roster: Roster) => roster.others().map(({ name }) => name)

test('edges of one store see each other, and where each is', async (t) => {
  const { edge } = await storeOf(t)
  const a = await edge('a')
  assert.deepEqual(a.urls(), ['https://a.example'])
  const b = await edge('b')
  await until(() => a.urls().length === 2)
  assert.deepEqual(b.urls(), ['https://b.example', 'https://a.example'])
  assert.deepEqual([names(a), names(b)], [['b'], ['a']])
})

test('one that drains comes last and takes nothing; one that stopped is remembered for minutes', async (t) => {
  const { edge, time } = await storeOf(t)
  const [a, b, c] = [await edge('a'), await edge('b'), await edge('c')]
  await until(() => names(a).length === 2)
  await b.drain()
  await until(() => names(a).length === 1)
  assert.deepEqual(a.urls(), ['https://a.example', 'https://c.example', 'https://b.example'])
  await b.close()
  await c.close()
  await until(() => names(a).length === 0)
  assert.equal(a.urls().length, 3, 'they may be about to start again')
  time.now += 5 * 60_000
  a.tick()
  await until(() => a.urls().length === 1)
})

test('one that is silent for ten seconds holds no flows, nor does an older one of its name', async (t) => {
  const { edge, time } = await storeOf(t)
  const a = await edge('a')
  time.now += 1000
  await edge('b')
  await until(() => names(a).length === 1)
  assert.ok(a.isAlive('b', time.now))
  assert.ok(!a.isAlive('b', time.now - 1), 'that was another process')
  assert.ok(!a.isAlive('nobody', time.now))
  time.now += 10_000
  assert.ok(!a.isAlive('b', time.now))
  assert.deepEqual(names(a), [])
})

test('two of one name are complained of, once a minute', async (t) => {
  const { edge, time, complaints } = await storeOf(t)
  const a = await edge('a')
  time.now += 1000
  const twin = await edge('a')
  await until(() => complaints.length > 0)
  assert.match(complaints[0] ?? '', /another edge on this state directory is called a too/)
  for (let at = 0; at < 5; at++) {
    time.now += 1000
    a.tick()
    twin.tick()
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  assert.ok(complaints.length <= 2, complaints.join('\n'))
})
