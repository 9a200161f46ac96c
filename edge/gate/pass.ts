import type { TunnelClock } from '../../tunnel/port.ts'

export interface PassOptions<Item> {
  readonly clock: Pick<TunnelClock, 'micros' | 'defer'>
  /** Asked when a pass begins; what is added meanwhile may be visited as well. */
  readonly items: () => Iterable<Item>
  readonly visit: (item: Item) => void
  /** How long it may hold the event loop at a time. */
  readonly sliceMicros?: number
}

/**
 * Visits many items a slice at a time, so that no flow waits behind the judging of all others. Asked
 * again while under way, it goes on to the end and then starts over: the first items were visited
 * before the second cause.
 */
export class Pass<Item> {
  readonly #options: PassOptions<Item>
  #items: Iterator<Item> | undefined
  #isAskedAgain = false
  #waiting: (() => void)[] = []

  constructor(options: PassOptions<Item>) {
    this.#options = options
  }

  /** The first slice is done before this returns; resolves when all have been visited since the call. */
  start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    if (this.#items) this.#isAskedAgain = true
    else this.#begin()
    return promise
  }

  #begin(): void {
    this.#isAskedAgain = false
    this.#items = this.#options.items()[Symbol.iterator]()
    this.#slice()
  }

  #slice(): void {
    const { clock, sliceMicros = 7_000 } = this.#options
    const end = clock.micros() + sliceMicros
    // Reading the clock costs as much as a decision: look at it now and then only.
    while (this.#visitSome(16)) {
      if (clock.micros() < end) continue
      clock.defer(() => this.#slice())
      return
    }
    this.#items = undefined
    if (this.#isAskedAgain) this.#begin()
    else for (const done of this.#waiting.splice(0)) done()
  }

  /** @returns whether there may be more */
  #visitSome(count: number): boolean {
    for (let at = 0; at < count; at++) {
      const next = this.#items?.next()
      if (!next || next.done === true) return false
      this.#options.visit(next.value)
    }
    return true
  }
}
