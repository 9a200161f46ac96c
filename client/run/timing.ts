import type { RunStep } from './run.ts'

/** Milliseconds from the start of this process to the end of each step, for `--timing`. */
export class Timing {
  readonly #steps: [string, number][] = []
  readonly #now: () => number

  /** `now` counts from the start of the process. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  readonly note = (step: RunStep): void => {
    if (this.#steps.some(([name]) => name === step)) return
    this.#steps.push([step, this.#now()])
  }

  /** `node 62 ms, namespaces 118 ms, …` */
  toString(): string {
    return this.#steps.map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(', ')
  }
}
