/** Costs about 20 s. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, type Readers, slowReaders } from './house/client.ts'
import { type Room, whyNoRooms } from './house/room.ts'
import { Stage } from './house/stage.ts'
import { Watched } from './house/watched.ts'

const skip = whyNoRooms() ?? false
/** `byname run` takes 8,192 connections at most. */
const FLOWS_EACH = 5_000
const FLOW_BYTES = 200_000
const MIB = 2 ** 20
/** 100 MiB of a process without flows, 16 KiB kept and 32 KiB for the sockets and objects of each. */
const MOST_BYTES = 600 * MIB

describe('readers that do not read', { skip }, () => {
  let stage: Stage
  let clients: Client[]
  before(async () => {
    stage = new Stage('ssr')
    await Promise.all([stage.startOrigin(7000), stage.startEdge('one')])
    const hq = await stage.addConnector('hq', [
      '{ host: flow.corp.internal, ports: 7000, to: 10.81.2.10 }',
    ])
    for (const room of [stage.origins, hq.room]) holdLittle(room)
    clients = [stage.addClient(), stage.addClient()]
  })
  after(() => stage?.close())

  test('10,000 of them cost the edge and the connector their budgets and no more', async () => {
    const words = slowReaders('flow.corp.internal', 7000, FLOWS_EACH, FLOW_BYTES)
    const all = clients.map((client) => new Watched<Readers>(client.start('alice', words)))
    for (const readers of all) {
      const isThere = ({ open }: Readers) => open === FLOWS_EACH
      await readers.until(isThere, { what: 'all are open', withinMs: 120_000 })
    }
    await sleep(3000)
    const { flows } = await stage.edgeStatus('one')
    assert.equal(flows.live, 2 * FLOWS_EACH)
    for (const { last } of all) assert.deepEqual(last?.failed, [])
    const programs = { edge: stage.edge('one'), connector: stage.connector('hq') }
    for (const [name, { rssBytes }] of Object.entries(programs)) {
      const said = `${name} ${(rssBytes / MIB).toFixed(0)} MiB`
      console.log(said)
      assert.ok(rssBytes < MOST_BYTES, said)
    }
  })
})

/** The kernel would take what they do not read: a socket of these rooms keeps some KiB. */
function holdLittle(room: Room): void {
  for (const [name, bytes] of [
    ['tcp_rmem', '4096 8192 16384'],
    ['tcp_wmem', '4096 8192 16384'],
  ] as const)
    room.runSync(['sh', '-c', `echo '${bytes}' > /proc/sys/net/ipv4/${name}`])
}
