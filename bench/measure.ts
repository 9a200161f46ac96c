import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Figures } from './figures.ts'

/** Where the far iperf3 and the far web server are reached on one way through. */
export interface Way {
  readonly name: string
  readonly bulk: { readonly host: string; readonly port: number }
  readonly web: { readonly host: string; readonly port: number }
}

/** Measures one way once; each figure takes `seconds`. `tell` hears what is being done. */
export async function measure(
  way: Way,
  seconds: number,
  tell: (step: string) => void,
): Promise<Figures> {
  const step = async <Result>(name: string, work: () => Promise<Result>) => {
    tell(`${way.name}: ${name}`)
    return work()
  }
  const up = await step('one flow up', () => iperf(way, seconds, []))
  const before = cpuSeconds()
  const down = await step('one flow down', () => iperf(way, seconds, ['-R']))
  const cpu = cpuSeconds() - before
  const wide = await step('32 flows down', () => iperf(way, seconds, ['-R', '-P', '32']))
  return {
    bulk_up_bps: up.bitsPerSecond,
    bulk_down_bps: down.bitsPerSecond,
    bulk32_down_bps: wide.bitsPerSecond,
    rps_c64: await step('64 connections', () => wrk(way, seconds, 64, true)),
    rps_c1: await step('one connection', () => wrk(way, seconds, 1, true)),
    conns_per_s: await step('new connections', () => wrk(way, seconds, 16, false)),
    cpu_s_per_gib: cpu / (down.bytes / 2 ** 30),
  }
}

interface Bulk {
  readonly bitsPerSecond: number
  readonly bytes: number
}

async function iperf(way: Way, seconds: number, flags: readonly string[]): Promise<Bulk> {
  const { host, port } = way.bulk
  const args = ['-J', '-c', host, '-p', String(port), '-t', String(seconds), ...flags]
  // A server that has just ended a test says "busy" for some ms.
  for (let tries = 0; ; tries++) {
    const text = await output('iperf3', args, seconds + 20)
    const { end, error } = JSON.parse(text) as IperfReport
    const sum = end?.sum_received
    if (sum) return { bitsPerSecond: sum.bits_per_second, bytes: sum.bytes }
    if (tries === 5) throw new Error(`iperf3 through ${way.name}: ${error ?? text.slice(0, 300)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

interface IperfReport {
  readonly error?: string
  readonly end?: { readonly sum_received?: { bits_per_second: number; bytes: number } }
}

async function wrk(way: Way, seconds: number, connections: number, keep: boolean): Promise<number> {
  const { host, port } = way.web
  const close = keep ? [] : ['-H', 'Connection: close']
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, ...close]
  const text = await output('wrk', [...args, `http://${host}:${port}/`], seconds + 20)
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]
  if (rate === undefined || /Non-2xx/.test(text)) throw new Error(`wrk ${way.name}: ${text}`)
  return Number(rate)
}

/** Busy CPU seconds of the whole machine so far: whoever does the work is counted. */
function cpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]
      ?.trim()
      .split(/\s+/)
      .slice(1)
      .map(Number) ?? []
  return (user + nice + system + irq + softirq) / 100
}

async function output(program: string, args: string[], timeoutSeconds: number): Promise<string> {
  const options = { timeout: timeoutSeconds * 1000, maxBuffer: 2 ** 26 }
  // iperf3 reports its failures as JSON on stdout and an exit code.
  const ran = await promisify(execFile)(program, args, options).catch((error) => error)
  if (typeof ran.stdout !== 'string' || ran.stdout === '') throw ran
  return ran.stdout
}
