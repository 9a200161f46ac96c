import type { ResetCode } from '../../tunnel/codes.ts'
import type { OpenOn, PatientFlow } from './patient-flow.ts'

/** Sets a timer; returns the way to call it off. */
export type After = (delayMs: number, task: () => void) => () => void

/** Flows that wait for a tunnel, each for a bounded time, all of them bounded in number. */
export class Waiting {
  readonly #cancels = new Map<PatientFlow, () => void>()
  readonly #patienceMs: number
  readonly #after: After
  readonly #reason: () => string

  /** `reason`: why there is no tunnel, as the program's person should read it. */
  constructor(options: { patienceMs: number; after: After; reason: () => string }) {
    this.#patienceMs = options.patienceMs
    this.#after = options.after
    this.#reason = options.reason
  }

  get count(): number {
    this.#sweep()
    return this.#cancels.size
  }

  add(flow: PatientFlow): void {
    if (this.#cancels.size >= MAX_WAITING) this.#sweep()
    if (this.#cancels.size >= MAX_WAITING) {
      flow.refuse('over-budget', 'too many connections wait for the edge')
      return
    }
    const cancel = this.#after(this.#patienceMs, () => this.#giveUp(flow))
    this.#cancels.set(flow, cancel)
  }

  attachAll(openOn: OpenOn): void {
    for (const flow of this.#takeAll()) if (!flow.isOver) flow.attach(openOn)
  }

  refuseAll(code: ResetCode, reason: string): void {
    for (const flow of this.#takeAll()) flow.refuse(code, reason)
  }

  /** Those whose programs gave up keep no place from others, and nobody hurries for them. */
  #sweep(): void {
    for (const [flow, cancel] of this.#cancels) {
      if (!flow.isOver) continue
      cancel()
      this.#cancels.delete(flow)
    }
  }

  #takeAll(): PatientFlow[] {
    const flows = [...this.#cancels.keys()]
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
    return flows
  }

  #giveUp(flow: PatientFlow): void {
    this.#cancels.delete(flow)
    flow.refuse('tunnel-lost', this.#reason())
  }
}

const MAX_WAITING = 1024
