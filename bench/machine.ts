import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'

/** Busy CPU seconds of the whole machine so far: whoever does the work is counted. */
export function cpuSeconds(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
  return busySeconds(line)
}

/** The first line of /proc/stat, in ticks of 10 ms: all but idle, waiting for disks and stolen. */
export function busySeconds(line: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq) / 100
}

/** Where and with what it was measured. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly kernel: string
  readonly node: string
  readonly openssl: string
  readonly ssh: string
  readonly haproxy: string | undefined
}

export function describeMachine(): Machine {
  const cpus = os.cpus()
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    kernel: os.release(),
    node: process.versions.node,
    openssl: process.versions.openssl,
    ssh: versionOf('ssh', ['-V']) ?? 'unknown',
    haproxy: versionOf('/usr/sbin/haproxy', ['-v']),
  }
}

/** With more than this the figures of a run are worth little. */
const IDLE_LOAD = 0.5

/** The load of the last minute, and what to say about it. */
export function loadAtStart(): { readonly load: number; readonly warning: string | undefined } {
  const load = Number((os.loadavg()[0] ?? 0).toFixed(2))
  if (load <= IDLE_LOAD) return { load, warning: undefined }
  const warning = `the machine is not idle (load average ${load}): the figures are worth little`
  return { load, warning }
}

function versionOf(program: string, args: string[]): string | undefined {
  try {
    const said = execFileSync('/bin/sh', ['-c', `${[program, ...args].join(' ')} 2>&1`])
    return String(said).split('\n', 1)[0]?.split(',')[0]?.split(' 20')[0]
  } catch {
    return undefined
  }
}
