/** Costs about 45 s: twice 1 GiB by scp, and 100 MB of rows beside it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './house/client.ts'
import { sha256 } from './house/files.ts'
import { whyNoRooms } from './house/room.ts'
import { Stage } from './house/stage.ts'
import { ALL_WELL, ThreePrograms } from './house/three-programs.ts'
import { until } from './house/until.ts'

const skip = whyNoRooms() ?? false

describe('programs outlive the edge that carries them', { skip }, () => {
  let stage: Stage
  let client: Client
  let three: ThreePrograms
  before(async () => {
    stage = new Stage('rse')
    await Promise.all([stage.startServices(), stage.startEdge('one')])
    await stage.startEdge('two')
    const apps = ['db', 'git'].map(
      (name, index) => `{ host: ${name}.corp.internal, ports: ${[5432, 22][index]} }`,
    )
    await stage.addConnector('hq', apps)
    client = stage.addClient()
    three = new ThreePrograms(stage, { fileBytes: 2 ** 30, rows: 1_000_000 })
  })
  after(() => stage?.close())

  /** Starts the programs, and kills the edge that has their flows in the middle of both transfers. */
  async function killInTheMiddle() {
    await three.start(client)
    await until(async () => (await three.received()).scp > 0.4, {
      what: 'scp is at 40 %',
      withinMs: 60_000,
    })
    const name = await stage.carrier()
    await stage.edge(name).kill()
    const received = await three.received()
    for (const [program, share] of Object.entries(received))
      assert.ok(share > 0.3 && share < 0.7, `${program} was at ${share} at the kill`)
    return name
  }

  async function assertWhole(): Promise<void> {
    assert.equal(await three.ended(), ALL_WELL)
    assert.equal(await sha256(three.copied), await sha256(three.file))
    assert.equal(await three.copiedRows(), await sha256(three.rows))
  }

  test('kill -9 of one of two: scp of 1 GiB, a COPY and an idle ssh session go on', async () => {
    const killed = await killInTheMiddle()
    await assertWhole()
    await stage.startEdge(killed)
    await stage.untilTunnels('hq')
  })

  test('kill -9 of the only one, started again after 3 s: they go on', async () => {
    await stage.edge('two').kill()
    const killed = await killInTheMiddle()
    await sleep(3000)
    await stage.startEdge(killed)
    await assertWhole()
  })

  test('each flow has one record: opened, come back once, ended in order', async () => {
    const rows = await stage.flows('one')
    const told = rows.map(({ name, state, code, attempt }) => ({ name, state, code, attempt }))
    const names = ['db', 'git', 'git', 'db', 'git', 'git'].map((name) => `${name}.corp.internal`)
    assert.deepEqual(
      told.toSorted((a, b) => a.name.localeCompare(b.name)),
      names.toSorted().map((name) => ({ name, state: 'done', code: 'done', attempt: 2 })),
    )
    const carried = rows.filter(({ bytesUp = 0 }) => bytesUp > 2 ** 30)
    assert.equal(carried.length, 2, 'the record counts all bytes of a flow, not only the last part')
  })
})
