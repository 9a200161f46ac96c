import type { Figures } from './figures.ts'
import { iperf } from './iperf.ts'
import { cpuSeconds } from './machine.ts'
import type { Endpoint, Way } from './way.ts'
import { wrk } from './wrk.ts'

/** One thing that is measured, for all ways one after the other. */
export interface Step {
  readonly name: string
  /** Takes about `seconds`. */
  run(way: Way, seconds: number): Promise<Figures>
}

export const STEPS = {
  up: {
    name: 'one flow up',
    run: async ({ bulk }, seconds) => {
      const { bitsPerSecond, cost } = await bulkWithCost(bulk, 'up', seconds)
      return { bulk_up_bps: bitsPerSecond, cpu_s_per_gib_up: cost }
    },
  },
  down: {
    name: 'one flow down',
    run: async ({ bulk }, seconds) => {
      const { bitsPerSecond, cost } = await bulkWithCost(bulk, 'down', seconds)
      return { bulk_down_bps: bitsPerSecond, cpu_s_per_gib: cost }
    },
  },
  wideUp: {
    name: '32 flows up',
    run: async ({ bulk }, seconds) => {
      const { bitsPerSecond } = await iperf(bulk, { seconds, direction: 'up', flows: 32 })
      return { bulk32_up_bps: bitsPerSecond }
    },
  },
  wideDown: {
    name: '32 flows down',
    run: async ({ bulk }, seconds) => {
      const { bitsPerSecond } = await iperf(bulk, { seconds, direction: 'down', flows: 32 })
      return { bulk32_down_bps: bitsPerSecond }
    },
  },
  many: {
    name: '64 connections',
    run: async ({ web }, seconds) => {
      const { perSecond } = await wrk(web, { seconds, connections: 64, keep: true })
      return { rps_c64: perSecond }
    },
  },
  one: {
    name: 'one connection',
    run: async ({ web }, seconds) => {
      const { perSecond, p99Ms } = await wrk(web, { seconds, connections: 1, keep: true })
      return { rps_c1: perSecond, p99_ms_alone: p99Ms }
    },
  },
  fresh: {
    name: 'new connections',
    run: async ({ web }, seconds) => {
      const { perSecond } = await wrk(web, { seconds, connections: 16, keep: false })
      return { conns_per_s: perSecond }
    },
  },
  beside: {
    name: 'one connection beside 8 bulk flows',
    run: async ({ bulk, web, webApart }, seconds) => ({
      p99_ms_under_bulk: await p99Beside(bulk, webApart ?? web, seconds),
    }),
  },
  /** Only for ways whose requests have processes of their own otherwise. */
  among: {
    name: 'one connection among 8 bulk flows',
    run: async ({ bulk, web, webApart }, seconds) => {
      if (!webApart) return {}
      return { p99_ms_under_bulk_shared: await p99Beside(bulk, web, seconds) }
    },
  },
} satisfies Record<string, Step>

/** `cost`: CPU seconds of the whole machine for each GiB. */
async function bulkWithCost(bulk: Endpoint, direction: 'up' | 'down', seconds: number) {
  const before = cpuSeconds()
  const { bitsPerSecond, bytes } = await iperf(bulk, { seconds, direction, flows: 1 })
  return { bitsPerSecond, cost: (cpuSeconds() - before) / (bytes / 2 ** 30) }
}

/** The bulk flows begin before the requests and end after them. */
async function p99Beside(bulk: Endpoint, web: Endpoint, seconds: number): Promise<number> {
  const load = iperf(bulk, { seconds: seconds + 1, direction: 'down', flows: 8 })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { p99Ms } = await wrk(web, { seconds, connections: 1, keep: true })
  await load
  return p99Ms
}
