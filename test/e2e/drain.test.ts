/** Costs about 50 s. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainProgress } from '../../edge/control/status.ts'
import { type Client, program } from './house/client.ts'
import type { Progress } from './house/downloads.ts'
import { whyNoRooms } from './house/room.ts'
import { type EdgeName, Stage } from './house/stage.ts'
import { Watched } from './house/watched.ts'

const skip = whyNoRooms() ?? false
const HOST = 'flow.corp.internal'
const PORT = 7000
const FLOWS = 1000
/** 12 s of transfer: what comes between 35 % and 70 % takes longer than a verb and the drain. */
const FLOW_BYTES = 120_000
const FLOW_PACE = 10_000

describe('an edge is taken out of service', { skip }, () => {
  let stage: Stage
  let client: Client
  before(async () => {
    stage = new Stage('drn')
    await Promise.all([stage.startOrigin(PORT), stage.startEdge('one')])
    await stage.addConnector('hq', [`{ host: ${HOST}, ports: ${PORT}, to: 10.81.2.10 }`])
    client = stage.addClient()
  })
  after(() => stage?.close())

  beforeEach(async () => {
    for (const name of ['one', 'two'] as const)
      if (!stage.isRunning(name)) await stage.startEdge(name)
    await stage.untilTunnels('hq')
  })

  async function drain(name: EdgeName, ...flags: string[]) {
    const { code, stdout, stderr } = await stage.edgeVerb(name, 'edge', 'drain', ...flags)
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as DrainProgress
    const { state, flows, moved, ended } = last
    return { code, stderr, last: { state, flows, moved, ended } }
  }

  const download = (...numbers: number[]) =>
    new Watched<Progress>(client.start('alice', program('downloads.ts', HOST, PORT, ...numbers)))

  test('drain moves 1,000 transferring flows, resets none, and the edge ends by itself', async () => {
    const downloads = download(FLOWS, FLOW_BYTES, FLOW_PACE)
    const total = FLOWS * FLOW_BYTES
    const isMiddle = ({ receivedBytes }: Progress) => receivedBytes > 0.35 * total
    await downloads.until(isMiddle, { what: '35 % is there', withinMs: 60_000 })
    const name = await stage.carrier()
    const { flows } = await stage.edgeStatus(name)
    assert.equal(flows.live, FLOWS)
    const { code, last } = await drain(name)
    const share = (downloads.last?.receivedBytes ?? 0) / total
    assert.ok(share < 0.7, `${share} of the bytes were there when it was over`)
    assert.deepEqual(last, { state: 'drained', flows: 0, moved: FLOWS, ended: 0 })
    assert.equal(code, 0)
    assert.equal(await stage.edge(name).ended, 0, stage.edge(name).log)
    await downloads.ended
    const { whole, failed } = downloads.last ?? {}
    assert.deepEqual({ whole, failed }, { whole: FLOWS, failed: [] }, downloads.stderr)
  })

  test('a rolling restart of both edges under load loses no flow and refuses no new one', async () => {
    const downloads = download(20, 2_000_000, 100_000, 20_000, 20)
    await downloads.until(({ fresh }) => fresh.whole > 10, { what: 'flows run' })
    for (const name of ['one', 'two'] as const) {
      const { code, last } = await drain(name)
      assert.equal(code, 0, JSON.stringify(last))
      assert.equal(await stage.edge(name).ended, 0, stage.edge(name).log)
      await stage.startEdge(name)
      await stage.untilTunnels('hq')
      await sleep(1000)
    }
    downloads.child.stdin?.write('enough\n')
    await downloads.ended
    assert.ok(downloads.last)
    const { whole, failed, fresh } = downloads.last
    assert.deepEqual(failed, [], downloads.stderr)
    assert.equal(whole, 20)
    assert.equal(fresh.whole, fresh.asked)
    assert.ok(fresh.asked > 100, `${fresh.asked} new flows`)
  })

  test('the only edge waits to its deadline and says how many flows it would cut', async () => {
    await drain('two')
    await stage.edge('two').ended
    const downloads = download(50, 10_000_000, 100_000)
    await downloads.until(({ receivedBytes }) => receivedBytes > 0, { what: 'flows run' })
    const startedAt = performance.now()
    const { code, stderr, last } = await drain('one', '--deadline', '4s')
    assert.match(stderr, /no other edge is there to move to: 50 flows would be cut/)
    assert.deepEqual(last, { state: 'drained', flows: 50, moved: 0, ended: 0 })
    assert.equal(code, 1)
    assert.ok(performance.now() - startedAt > 3900, 'it waited')
  })
})
