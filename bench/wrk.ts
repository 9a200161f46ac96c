import { output } from './program.ts'
import type { Endpoint } from './way.ts'

/** What wrk saw. */
export interface Requests {
  readonly perSecond: number
  readonly p99Ms: number
}

export interface RequestLoad {
  readonly seconds: number
  readonly connections: number
  /** `false`: each request has a connection of its own. */
  readonly keep: boolean
}

export async function wrk({ host, port }: Endpoint, load: RequestLoad): Promise<Requests> {
  const { seconds, connections, keep } = load
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency']
  if (!keep) args.push('-H', 'Connection: close')
  return parseWrk(await output('wrk', [...args, `http://${host}:${port}/`], seconds + 20))
}

/** `wrk --latency`. @throws when it is not all answers of 200 */
export function parseWrk(text: string): Requests {
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1])
  const [, p99, unit = ''] = /\s99%\s+([\d.]+)(us|ms|s|m)\b/.exec(text) ?? []
  if (!(perSecond > 0) || /Non-2xx/.test(text)) {
    throw new Error(`no good answers: ${text}`)
  }
  return { perSecond, p99Ms: Number(p99) * (MILLIS[unit] ?? Number.NaN) }
}

const MILLIS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }
