import type { ResetCode } from '../../tunnel/codes.ts'
import type { PatientFlow } from './patient-flow.ts'

/** Sets a timer; returns the way to call it off. */
export type After = (delayMs: number, task: () => void) => () => void

export interface WaitingOptions {
  readonly clock: () => number
  readonly after: After
  /** Some may be asked for now: take them, if there is a tunnel. */
  readonly due: () => void
  /** Why there is no tunnel, as the program's person should read it. */
  readonly reason: () => string
}

const MAX_WAITING = 1024
/** What ends in the same moment needs one timer. */
const GRAIN_MS = 20

/**
 * Flows that wait for a tunnel or for a better moment, each until its patience is over, all of them
 * bounded in number, with one timer.
 */
export class Waiting {
  readonly #options: WaitingOptions
  /** When each may be asked for. */
  readonly #flows = new Map<PatientFlow, number>()
  #cancel: () => void = () => {}
  #timerAt = Number.POSITIVE_INFINITY

  constructor(options: WaitingOptions) {
    this.#options = options
  }

  get count(): number {
    this.#sweep()
    return this.#flows.size
  }

  /** `pauseMs`: not before. */
  add(flow: PatientFlow, pauseMs = 0): void {
    if (this.#flows.size >= MAX_WAITING) this.#sweep()
    if (this.#flows.size >= MAX_WAITING) {
      flow.refuse('over-budget', 'too many connections wait for the edge')
      return
    }
    const dueAt = this.#options.clock() + pauseMs
    this.#flows.set(flow, dueAt)
    this.#wakeAt(pauseMs > 0 ? Math.min(dueAt, flow.patientUntil) : flow.patientUntil)
  }

  /** Those that may be asked for now; they are in nobody's list then. */
  takeDue(): PatientFlow[] {
    const now = this.#options.clock()
    const due = [...this.#flows].filter(([flow, dueAt]) => dueAt <= now && !flow.isOver)
    for (const [flow] of due) this.#flows.delete(flow)
    return due.map(([flow]) => flow)
  }

  refuseAll(code: ResetCode, reason: string): void {
    const flows = [...this.#flows.keys()]
    this.#flows.clear()
    this.#sweep()
    for (const flow of flows) flow.refuse(code, reason)
  }

  /** Those whose programs gave up keep no place from others, and nobody hurries for them. */
  #sweep(): void {
    for (const flow of this.#flows.keys()) if (flow.isOver) this.#flows.delete(flow)
    if (this.#flows.size > 0) return
    this.#cancel()
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #wakeAt(at: number): void {
    if (at + GRAIN_MS >= this.#timerAt) return
    this.#cancel()
    this.#timerAt = at
    const delayMs = Math.max(GRAIN_MS, at - this.#options.clock())
    this.#cancel = this.#options.after(delayMs, () => this.#wake())
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#options.clock()
    for (const flow of this.#flows.keys()) {
      if (flow.patientUntil > now) continue
      this.#flows.delete(flow)
      flow.giveUp(this.#options.reason())
    }
    this.#options.due()
    const next = [...this.#flows].map(([flow, dueAt]) =>
      dueAt > now ? Math.min(dueAt, flow.patientUntil) : flow.patientUntil,
    )
    if (next.length > 0) this.#wakeAt(Math.min(...next))
  }
}
