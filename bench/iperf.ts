import { output } from './program.ts'
import type { Endpoint } from './way.ts'

/** What iperf3's receiving end saw. */
export interface Bulk {
  readonly bitsPerSecond: number
  readonly bytes: number
  /** Of each flow. */
  readonly shares: readonly number[]
}

export interface BulkLoad {
  readonly seconds: number
  readonly direction: 'up' | 'down'
  readonly flows: number
}

export async function iperf({ host, port }: Endpoint, load: BulkLoad): Promise<Bulk> {
  const { seconds, direction, flows } = load
  const args = ['-J', '-c', host, '-p', String(port), '-t', String(seconds), '-P', String(flows)]
  if (direction === 'down') args.push('-R')
  // A server that has just ended a test says "busy" for some ms.
  for (let tries = 0; ; tries++) {
    const bulk = parseIperf(await output('iperf3', args, seconds + 10))
    if (bulk.kind === 'measured') return bulk
    if (tries === 5) throw new Error(`iperf3 to ${host}:${port}: ${bulk.reason}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** `iperf3 -J`. */
export function parseIperf(text: string): Measured | { kind: 'failed'; reason: string } {
  const { end, error } = JSON.parse(text) as Report
  const sum = end?.sum_received
  if (!sum) return { kind: 'failed', reason: error ?? text.slice(0, 300) }
  const shares = end.streams?.map(({ receiver }) => receiver.bits_per_second) ?? []
  return { kind: 'measured', bitsPerSecond: sum.bits_per_second, bytes: sum.bytes, shares }
}

type Measured = Bulk & { readonly kind: 'measured' }

interface Report {
  readonly error?: string
  readonly end?: {
    readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number }
    readonly streams?: readonly { readonly receiver: { readonly bits_per_second: number } }[]
  }
}
