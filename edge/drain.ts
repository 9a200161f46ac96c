import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../process/log.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { DrainProgress } from './control/status.ts'
import type { Roster } from './roster.ts'

export interface DrainOptions {
  /** Takes nothing more in, and asks all peers to take their flows elsewhere. */
  readonly shut: (spreadMs: number) => void
  readonly roster: Pick<Roster, 'drain' | 'others'>
  readonly liveFlows: () => number
  readonly tunnels: () => number
  /** Since the start of the edge. */
  readonly totals: () => { readonly detached: number; readonly ended: number }
  readonly clock: TunnelClock
  readonly log: Log
}

const LOOK_MS = 100
/** What peers sent before they read GOAWAY is still answered, so that they ask elsewhere. */
const LAST_WORD_MS = 1000
/** Whoever follows the drain reads its last line before the process is gone. */
const LAST_LINE_MS = 200
/** A thousand peers that all move at once meet a thousand others at the next edge. */
const SPREAD_PER_TUNNEL_MS = 10
const LEAST_SPREAD_MS = 500

/**
 * How an edge stops without a flow noticing: its peers take their flows to the other edges; when the
 * last has gone, or the time is up, it is done. What is left then is detached, and comes back when an
 * edge does.
 */
export class Drain {
  readonly #options: DrainOptions
  readonly #done = Promise.withResolvers<void>()
  #begun: { at: number; deadline: number; detached: number; ended: number } | undefined
  #last: DrainProgress | undefined

  constructor(options: DrainOptions) {
    this.#options = options
  }

  get isDraining(): boolean {
    return this.#begun !== undefined
  }

  /** Resolves when the process may stop. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Asked again, the earlier of the deadlines counts. */
  begin(deadlineMs: number): void {
    const { clock, totals } = this.#options
    const at = clock.now()
    const deadline = at + deadlineMs
    if (this.#begun) this.#begun.deadline = Math.min(this.#begun.deadline, deadline)
    else {
      this.#begun = { at, deadline, ...totals() }
      this.#shut(deadlineMs)
    }
  }

  get progress(): DrainProgress {
    return this.#last ?? this.#look()
  }

  /** Its progress at once, every second, and when it is done. */
  async *follow(deadlineMs: number, signal: AbortSignal): AsyncGenerator<DrainProgress, void> {
    this.begin(deadlineMs)
    for (let told = Number.NEGATIVE_INFINITY; !signal.aborted; await sleep(LOOK_MS)) {
      const { progress } = this
      const isDone = progress.state === 'drained'
      if (isDone || progress.afterMs - told >= 1000) {
        yield progress
        told = progress.afterMs
      }
      if (isDone) return
    }
  }

  #shut(deadlineMs: number): void {
    const { roster, shut, tunnels, log } = this.#options
    const wished = Math.max(LEAST_SPREAD_MS, tunnels() * SPREAD_PER_TUNNEL_MS)
    const { flows, others } = this.#look()
    const facts = { event: 'edge-draining', flows, others, deadlineMs }
    const where = others.length > 0 ? `to ${others.join(', ')}` : 'nowhere: no other edge is there'
    log.info(facts, `draining: ${flows} flows can go ${where}`)
    void roster.drain()
    shut(Math.min(deadlineMs / 3, wished))
    this.#wait()
  }

  #wait(): void {
    const { clock } = this.#options
    if (this.#isOver()) this.#finish()
    else clock.after(LOOK_MS, () => this.#wait())
  }

  #isOver(): boolean {
    const { tunnels } = this.#options
    const { flows, afterMs, leftMs } = this.#look()
    if (leftMs <= 0 || tunnels() === 0) return true
    return flows === 0 && afterMs >= LAST_WORD_MS
  }

  #finish(): void {
    const { clock, log } = this.#options
    const last: DrainProgress = { ...this.#look(), state: 'drained' }
    this.#last = last
    const { flows, moved, ended, afterMs } = last
    const facts = { event: 'edge-drained', moved, ended, cut: flows, afterMs }
    log.info(facts, `drained: ${moved} flows moved, ${ended} ended, ${flows} are cut`)
    clock.after(LAST_LINE_MS, () => this.#done.resolve())
  }

  #look(): DrainProgress {
    const { clock, liveFlows, roster, totals } = this.#options
    const now = clock.now()
    const { detached, ended } = totals()
    const begun = this.#begun ?? { at: now, deadline: now, detached, ended }
    return {
      schema: 1,
      state: 'draining',
      flows: liveFlows(),
      moved: detached - begun.detached,
      ended: ended - begun.ended,
      afterMs: now - begun.at,
      leftMs: begun.deadline - now,
      others: roster.others().map(({ name }) => name),
    }
  }
}
