import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { exportKey } from '../../../identity/key.ts'
import { app, type Device, type Site } from '../../edge/house/house.ts'
import type { Peer } from '../../edge/house/peer.ts'
import { until } from '../../edge/house/until.ts'
import { WholeEdge } from '../../edge/house/whole.ts'
import { Echo } from './echo.ts'
import type { Orders, Report, Told } from './flooder.ts'

const POLICY = `version: 1
allow:
  all-reach-corp: { who: anyone, to: "domain:corp.internal", ports: all }
`

/**
 * What is asserted is not the clock's time, in which every other process of a shared machine has its
 * part, but how long the edge's own thread was busy while a byte went to the origin and back: on a
 * machine of its own the same. Below this p99 it is good enough: one reading of a link has
 * up to 16 KiB of somebody's OPENs in it, and their records are written in the same turn.
 */
const NOISE_MS = 60
const MIB = 2 ** 20

export interface Attack extends Omit<Orders, 'target' | 'role' | 'credential' | 'jwk'> {
  /** Measured is from when this is so; left out: at once. */
  readonly isUnderWay?: () => boolean
}

/** Milliseconds at the 99th percentile: by the clock, and of the edge's own thread. */
interface Round {
  readonly clockMs: number
  readonly edgeMs: number
}

export interface Seen extends Report {
  readonly alone: Round
  readonly attacked: Round
  /** What the edge's resident memory grew by at its peak, over what it had before. */
  readonly grownMiB: number
}

/**
 * A real edge in a process of its own, an honest client (alice) whose flow to an honest connector (hq,
 * wiki.corp.internal) says back what it hears, and whoever attacks (bob, the connector lab).
 */
export class Stage {
  readonly edge: WholeEdge
  readonly alice: Peer
  readonly echo: Echo
  readonly bob: Device
  readonly lab: Site

  static async set(t: TestContext): Promise<Stage> {
    const edge = await WholeEdge.start(t, POLICY)
    const hq = await edge.enrol('hq', 'domain:corp.internal')
    const lab = await edge.enrol('lab', 'domain:corp.internal')
    const connector = await hq.dial()
    connector.announce(app('wiki.corp.internal'))
    const alice = await (await edge.signIn('alice@example.com')).dial()
    await alice.knows('wiki.corp.internal')
    const echo = new Echo(alice)
    const bob = await edge.signIn('bob@example.com')
    t.after(() => {
      alice.close()
      connector.close()
    })
    return new Stage(edge, alice, echo, bob, lab)
  }

  private constructor(edge: WholeEdge, alice: Peer, echo: Echo, bob: Device, lab: Site) {
    this.edge = edge
    this.alice = alice
    this.echo = echo
    this.bob = bob
    this.lab = lab
  }

  /**
   * Measures the honest flow alone, then beside an attack. On a machine that others use a try may be
   * spoilt by them: the best of three counts.
   */
  async attack(t: TestContext, attack: Attack, role: Orders['role'] = 'client'): Promise<Seen> {
    const first = await this.#try(t, attack, role)
    const tries = [first]
    while (tries.length < 3 && !isQuick(tries.at(-1) ?? first)) {
      tries.push(await this.#try(t, attack, role))
    }
    for (const one of tries) t.diagnostic(sentence(one))
    const best = tries.at(-1) ?? first
    return {
      ...best,
      closed: tries.flatMap(({ closed }) => closed),
      grownMiB: Math.max(...tries.map(({ grownMiB }) => grownMiB)),
    }
  }

  /** The whole of what an attack must not do; what it is closed with is the test's own to say. */
  assertUnharmed(seen: Seen, mostMiB: number): void {
    assert.ok(isQuick(seen), sentence(seen))
    assert.ok(seen.grownMiB <= mostMiB, `the edge grew by ${seen.grownMiB} MiB`)
    assert.equal(this.edge.exitCode, null, 'the edge lives')
  }

  async #try(t: TestContext, attack: Attack, role: Orders['role']): Promise<Seen> {
    await this.measure(100)
    const alone = await this.measure(300)
    const watched = this.watchMemory()
    const flooder = this.#flooder(t, attack, role)
    const { isUnderWay } = attack
    await flooder.begun
    if (isUnderWay) await until(isUnderWay, 20_000)
    const attacked = await this.measure(800)
    const report = await flooder.stop()
    return { ...report, alone, attacked, grownMiB: watched.grownMiB() }
  }

  /** How far the edge's resident memory has been above what it is now, at its peak. */
  watchMemory(): { grownMiB(): number } {
    const before = this.#memory('VmRSS')
    writeFileSync(`/proc/${this.edge.pid}/clear_refs`, '5')
    return { grownMiB: () => (this.#memory('VmHWM') - before) / MIB }
  }

  /** Of a byte to the origin and back. */
  async measure(forMs: number): Promise<Round> {
    const clock: number[] = []
    const edge: number[] = []
    const begin = performance.now()
    while (performance.now() - begin < forMs) {
      const busyMs = this.#busyMs()
      clock.push(await this.echo.roundMs())
      edge.push(this.#busyMs() - busyMs)
      await sleep(1)
    }
    return { clockMs: p99(clock), edgeMs: p99(edge) }
  }

  /** What the edge's main thread has run so far. */
  #busyMs(): number {
    const { pid } = this.edge
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  }

  #flooder(t: TestContext, { isUnderWay: _, ...attack }: Attack, role: Orders['role']) {
    const { key } = role === 'client' ? this.bob : this.lab
    const credential = role === 'client' ? this.bob.credential : this.lab.credential
    const { url, caPem, deployment } = this.edge.ready
    const target = { url, caPem, deployment }
    const orders: Orders = { ...attack, target, role, credential, jwk: exportKey(key) }
    const worker = new Worker(new URL('./flooder.ts', import.meta.url), { workerData: orders })
    t.after(() => worker.terminate())
    const report = Promise.withResolvers<Report>()
    const begun = Promise.withResolvers<void>()
    worker.once('error', report.reject).on('message', (told: Told) => {
      if (told === 'begun') begun.resolve()
      else report.resolve(told)
    })
    const stop = () => {
      worker.postMessage('stop')
      return report.promise
    }
    return { begun: begun.promise, stop }
  }

  /** Bytes. */
  #memory(what: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.edge.pid}/status`, 'utf8')
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) * 1024
  }
}

function p99(all: number[]): number {
  all.sort((a, b) => a - b)
  return all[Math.floor(all.length * 0.99)] ?? 0
}

/** At most twice what it was without. */
const isQuick = ({ alone, attacked }: Seen): boolean =>
  attacked.edgeMs <= Math.max(2 * alone.edgeMs, NOISE_MS)

function sentence({ alone, attacked, grownMiB, closed, sentBytes }: Seen): string {
  const codes = Object.entries(Object.groupBy(closed, ({ code }) => code))
    .map(([code, some]) => `${some?.length} × ${code}`)
    .join(', ')
  const round = ({ clockMs, edgeMs }: Round) =>
    `${edgeMs.toFixed(1)} ms (by the clock ${clockMs.toFixed(1)})`
  const rounds = `p99 ${round(alone)}, attacked ${round(attacked)}`
  const sent = `${(sentBytes / MIB).toFixed(1)} MiB sent`
  return `${rounds}; edge grew by ${grownMiB.toFixed(0)} MiB; ${sent}; closed: ${codes || 'never'}`
}
