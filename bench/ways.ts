import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { startByname } from './byname.ts'
import { makeCertificate } from './certificates.ts'
import { HAPROXY, startHaproxyChain } from './haproxy-chain.ts'
import { iperf } from './iperf.ts'
import { startNodeChain } from './node-chain.ts'
import { startOrigins } from './origin.ts'
import { untilAnswered } from './ports.ts'
import { startSshChain } from './ssh-chain.ts'
import type { Way } from './way.ts'
import { wrk } from './wrk.ts'

/** In the order of the table. */
export const WAY_NAMES = ['byname', 'direct', 'ssh-chain', 'node-chain', 'haproxy'] as const
export type WayName = (typeof WAY_NAMES)[number]

export const hasHaproxy = existsSync(HAPROXY)

/** Starts them all at once. `children` gets what must be ended. */
export async function startWays(
  names: readonly WayName[],
  directory: string,
  children: ChildProcess[],
): Promise<Way[]> {
  const origins = await startOrigins(directory)
  children.push(...origins.children)
  const files = await makeCertificate(directory)
  const at = (port: number) => ({ host: '127.0.0.1', port })
  const house = { directory: path.join(directory, 'byname'), children }
  const start: Record<WayName, () => Promise<Way>> = {
    byname: async () => (await startByname(house, origins)).way,
    direct: async () => ({ name: 'direct', bulk: at(origins.bulkPort), web: at(origins.webPort) }),
    'ssh-chain': () => startSshChain(path.join(directory, 'ssh'), origins, children),
    'node-chain': () => startNodeChain(files, origins, children),
    haproxy: () => startHaproxyChain(path.join(directory, 'haproxy'), files, origins, children),
  }
  const ways = await Promise.all(names.map((name) => start[name]()))
  for (const { web } of ways) await untilAnswered(web)
  return ways
}

/**
 * V8 compiles what runs hot only after a while, whoever's JavaScript it is: some traffic before it
 * counts, of all ways at once, but for bulk: iperf3's server has one visitor at a time.
 */
export async function warmUp(ways: readonly Way[]): Promise<void> {
  // What comes of it is nobody's figure: a busy machine may answer nothing in that second.
  const requests = Promise.allSettled(ways.map((way) => warmRequests(way, 1)))
  for (const { bulk } of ways) await iperf(bulk, { seconds: 1, direction: 'down', flows: 4 })
  await requests
}

/** Where there is time for it, one way after the other, with what it is measured with, both ways. */
export async function warmWell(ways: readonly Way[]): Promise<void> {
  for (const way of ways) {
    for (const direction of ['up', 'down'] as const) {
      await iperf(way.bulk, { seconds: 3, direction, flows: 1 })
    }
    await warmRequests(way, 2)
  }
}

async function warmRequests({ web, webApart }: Way, seconds: number): Promise<void> {
  for (const door of webApart ? [web, webApart] : [web]) {
    await wrk(door, { seconds, connections: 16, keep: true })
    await wrk(door, { seconds, connections: 16, keep: false })
  }
}
