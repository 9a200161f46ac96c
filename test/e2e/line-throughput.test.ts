/**
 * One flow over a long line, against plain TCP on a line alike at the same time. Costs about 60 s and
 * needs a quiet machine: the lines are programs of this machine too, 30 Mbit/s is what two of them
 * carry beside everything else on two cores.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Client } from './house/client.ts'
import { type IperfOptions, iperf, iperfByName, mbit, median } from './house/iperf.ts'
import { Line } from './house/line.ts'
import { whyNoRooms } from './house/room.ts'
import { untilListening } from './house/services.ts'
import { EDGES, Stage } from './house/stage.ts'

const skip = whyNoRooms() ?? false
const HOST = 'bulk.corp.internal'
const PORT = 5201
const RATE_MBIT = 30
const LEAST_SHARE = 0.8
const QUEUE_BYTES = 250_000

/** Both directions, each with loss and without, yet not all of them at every length. */
const LINES = [
  { delayMs: 1, lossPercent: 0, direction: 'down' },
  { delayMs: 1, lossPercent: 0.1, direction: 'up' },
  { delayMs: 20, lossPercent: 0, direction: 'up' },
  { delayMs: 20, lossPercent: 0.1, direction: 'down' },
  { delayMs: 100, lossPercent: 0, direction: 'down' },
  { delayMs: 100, lossPercent: 0, direction: 'up' },
  { delayMs: 100, lossPercent: 0.1, direction: 'up' },
] as const

describe('one flow gets as much of a line as plain TCP does', { skip }, () => {
  let stage: Stage
  let ours: Client
  let plain: Client
  let lines: Line[]
  before(async () => {
    stage = new Stage('lnt')
    await stage.startEdge('one')
    for (const room of [stage.origins, stage.edgeRoom]) {
      room.start(['iperf3', '-s', '-p', `${PORT}`])
      await untilListening(room, PORT)
    }
    await stage.addConnector('hq', [`{ host: ${HOST}, ports: ${PORT}, to: 10.81.2.10 }`])
    ;[ours, plain] = [stage.addClient(), stage.addClient()]
    const far = (index: number) => ({
      room: stage.edgeRoom,
      addresses: [EDGES.one],
      device: `far${index}`,
    })
    lines = [ours, plain].map(
      ({ room, plug }, index) =>
        new Line({ room, addresses: [plug.address], device: `near${index}` }, far(index)),
    )
  })
  after(() => stage?.close())

  for (const { delayMs, lossPercent, direction } of LINES) {
    const loss = lossPercent > 0 ? `, ${lossPercent} % lost` : ''
    test(`${delayMs} ms one way${loss}, ${direction}`, async () => {
      const onWayBytes = ((RATE_MBIT * 1e6) / 8) * (delayMs / 1000)
      const queueBytes = 2 * onWayBytes + QUEUE_BYTES
      const line = { delayMs, rateMbit: RATE_MBIT, queueBytes, lossPercent }
      await Promise.all(lines.map((one) => one.become(line)))
      const shares: number[] = []
      const said: string[] = []
      // One that is well is enough; else the median of three, for the machine has bad moments.
      while (shares.length === 0 || (shares.length < 3 && isShort(shares))) {
        const { byName, bare } = await compare({ direction, ...timesFor(delayMs) })
        shares.push(byName / bare)
        said.push(`${mbit(byName)} of plain TCP's ${mbit(bare)}`)
      }
      console.log(`${delayMs} ms${loss}, ${direction}: ${said.join('; ')}`)
      assert.ok(!isShort(shares), said.join('; '))
    })
  }

  async function compare(times: Omit<IperfOptions, 'host' | 'port'>) {
    const at = { ...times, port: PORT }
    const [byName, bare] = await Promise.all([
      iperfByName(ours, { ...at, host: HOST }),
      iperf(plain.room, { ...at, host: EDGES.one }),
    ])
    return { byName, bare }
  }
})

const isShort = (shares: readonly number[]) => median(shares) < LEAST_SHARE

/** Long enough for plain TCP to find the line's rate before anything is counted. */
function timesFor(delayMs: number) {
  return delayMs < 100 ? { warmUpSeconds: 1, seconds: 3 } : { warmUpSeconds: 3, seconds: 4 }
}
