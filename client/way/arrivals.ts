import type { Standing } from './standing.ts'
import type { After } from './waiting.ts'

/** Those who wait for the next tunnel, each for a bounded time. */
export class Arrivals {
  readonly #after: After
  #next: PromiseWithResolvers<Standing | undefined> | undefined
  #count = 0

  constructor(after: After) {
    this.#after = after
  }

  get count(): number {
    return this.#count
  }

  /** The next tunnel, or `undefined` when there is none in time, or will be none. */
  wait(patienceMs: number): Promise<Standing | undefined> {
    const { promise, resolve } = Promise.withResolvers<Standing | undefined>()
    const cancel = this.#after(patienceMs, () => resolve(undefined))
    this.#next ??= Promise.withResolvers<Standing | undefined>()
    void this.#next.promise.then((standing) => {
      cancel()
      resolve(standing)
    })
    this.#count++
    return promise.finally(() => this.#count--)
  }

  tell(standing: Standing | undefined): void {
    this.#next?.resolve(standing)
    this.#next = undefined
  }
}
