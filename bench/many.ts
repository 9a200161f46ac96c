/**
 * How many flows share: bulk down through one client, edge and connector, each a process.
 *
 *   node bench/many.ts [--seconds 5] [--flows 1000] [--json]
 *
 * Prints the throughput of many active flows as a part of one flow's; how far the shares of 32 flows
 * are from their mean; and what a session of many flows gets, as a part of what another with one gets
 * at the same time.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startByname, startClient } from './byname.ts'
import { connectThrough } from './connect-through.ts'
import { endWithUs } from './endings.ts'
import { untilOpen } from './ports.ts'
import { startOrigin } from './start-origin.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    flows: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
})
const [flows, seconds] = [Number(values.flows), Number(values.seconds)]
const RAMP_MS = 2000

const directory = mkdtempSync(path.join(tmpdir(), 'byname-many-'))
const children: ChildProcess[] = []
endWithUs(children, directory)
const origin = await startOrigin('source', children)
const house = { directory, children }
const { way, proxy } = await startByname(house, { bulkPort: origin, webPort: origin })
const bob = await startClient(house, 'bob')
await untilOpen(bob.proxy)
report(await measure({ alice: proxy, bob: bob.proxy, port: way.bulk.port }))
process.exit()

interface Shares {
  readonly oneBps: number
  readonly manyBps: number
  /** The largest distance of a flow's share from the mean, as a part of it. */
  readonly deviationOf32: number
  readonly crowdBps: number
  readonly loneBps: number
}

async function measure(at: { alice: number; bob: number; port: number }): Promise<Shares> {
  const [one] = await ratesOf([{ proxy: at.alice, count: 1 }], at.port)
  const [wide] = await ratesOf([{ proxy: at.alice, count: 32 }], at.port)
  const [many] = await ratesOf([{ proxy: at.alice, count: flows }], at.port)
  const [crowd, lone] = await ratesOf(
    [
      { proxy: at.alice, count: flows },
      { proxy: at.bob, count: 1 },
    ],
    at.port,
  )
  return {
    oneBps: sum(one),
    manyBps: sum(many),
    deviationOf32: deviation(wide ?? []),
    crowdBps: sum(crowd),
    loneBps: sum(lone),
  }
}

/** Opens so many flows by each proxy at the same time, and gives each one's bits a second. */
async function ratesOf(
  groups: readonly { readonly proxy: number; readonly count: number }[],
  port: number,
): Promise<number[][]> {
  const opened = await Promise.all(
    groups.map(({ proxy, count }) =>
      Promise.all(
        Array.from({ length: count }, () => connectThrough(proxy, `bulk.corp.internal:${port}`)),
      ),
    ),
  )
  const all = opened.flat()
  for (const socket of all) socket.resume()
  await new Promise((resolve) => setTimeout(resolve, RAMP_MS))
  const before = new Map(all.map((socket) => [socket, socket.bytesRead]))
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const rate = (socket: Socket) => ((socket.bytesRead - (before.get(socket) ?? 0)) * 8) / seconds
  const rates = opened.map((sockets) => sockets.map(rate))
  for (const socket of all) socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 500))
  return rates
}

function sum(rates: readonly number[] = []): number {
  return rates.reduce((a, b) => a + b, 0)
}

function deviation(rates: readonly number[]): number {
  const mean = sum(rates) / rates.length
  return Math.max(...rates.map((rate) => Math.abs(rate - mean))) / mean
}

function report(shares: Shares): void {
  if (values.json) {
    console.log(JSON.stringify({ flows, ...shares }))
    return
  }
  const { oneBps, manyBps, deviationOf32, crowdBps, loneBps } = shares
  const gbit = (bps: number) => `${(bps / 1e9).toFixed(2)} Gbit/s`
  console.log(`${flows} flows, of one flow's throughput: ${(manyBps / oneBps).toFixed(2)}`)
  console.log(`  ${gbit(manyBps)} and ${gbit(oneBps)}`)
  console.log(
    `32 flows, largest distance from the mean share: ${(deviationOf32 * 100).toFixed(1)} %`,
  )
  console.log(
    `a session of ${flows} flows, of another's with one: ${(crowdBps / loneBps).toFixed(2)}`,
  )
  console.log(`  ${gbit(crowdBps)} and ${gbit(loneBps)}`)
}
