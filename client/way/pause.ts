import type { After } from './waiting.ts'

/** The wait of a loop, which others may cut short. */
export class Pause {
  readonly #clock: () => number
  readonly #after: After
  #over: () => void = () => {}
  #cancel: () => void = () => {}
  #endsAt = 0

  constructor(clock: () => number, after: After) {
    this.#clock = clock
    this.#after = after
  }

  /** Without `delayMs`: until `wake`. */
  begin(delayMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#over = resolve
    this.#endsAt = this.#clock() + delayMs
    this.#cancel = Number.isFinite(delayMs) ? this.#after(delayMs, resolve) : () => {}
    return promise
  }

  /** `delayMs` from now at the latest. */
  shorten(delayMs: number): void {
    const endsAt = this.#clock() + delayMs
    if (endsAt >= this.#endsAt) return
    this.#cancel()
    this.#endsAt = endsAt
    this.#cancel = this.#after(delayMs, this.#over)
  }

  /** Ends one without an end of its own. */
  wake(): void {
    if (this.#endsAt === Number.POSITIVE_INFINITY) this.end()
  }

  end(): void {
    this.#endsAt = 0
    this.#cancel()
    this.#over()
  }
}
