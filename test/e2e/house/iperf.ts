import type { Client } from './client.ts'
import type { Ran, Room } from './room.ts'

export interface IperfOptions {
  readonly host: string
  readonly port: number
  readonly seconds: number
  /** Not counted, at the beginning. */
  readonly warmUpSeconds: number
  readonly direction: 'up' | 'down'
}

/** What iperf3 gets in a room, in bits per second as the receiver sees them. */
export async function iperf(room: Room, options: IperfOptions): Promise<number> {
  return bitsPerSecond(await room.run(wordsOf(options)))
}

/** The same through `byname run`. */
export async function iperfByName(client: Client, options: IperfOptions): Promise<number> {
  return bitsPerSecond(await client.run('alice', wordsOf(options)))
}

function wordsOf({ host, port, seconds, warmUpSeconds, direction }: IperfOptions): string[] {
  const times = ['-t', `${seconds}`, '-O', `${warmUpSeconds}`]
  const way = direction === 'down' ? ['-R'] : []
  return ['iperf3', '-c', host, '-p', `${port}`, '-J', ...times, ...way]
}

function bitsPerSecond({ stdout, stderr }: Ran): number {
  const answer = JSON.parse(stdout) as {
    error?: string
    end: { sum_received?: { bits_per_second: number } }
  }
  const bits = answer.end.sum_received?.bits_per_second
  if (answer.error || bits === undefined) throw new Error(`iperf3: ${answer.error} ${stderr}`)
  return bits
}

export const mbit = (bits: number): string => `${(bits / 1e6).toFixed(1)} Mbit/s`

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
