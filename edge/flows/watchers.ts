import { type FlowFilter, type FlowRow, matches } from './row.ts'

/** What a watcher gets: rows as they change, and how many it was too slow for. */
export type Watched = FlowRow | { readonly schema: 1; readonly skipped: number }

/** A watcher that does not read holds this many rows; later ones are counted instead. */
const MAX_WAITING = 1000

/** Those who follow the flows as they happen. */
export class Watchers {
  readonly #watchers = new Set<Watcher>()

  get areThere(): boolean {
    return this.#watchers.size > 0
  }

  tell(row: FlowRow): void {
    for (const watcher of this.#watchers) watcher.take(row)
  }

  /** Ends when `signal` aborts or the loop over it is left. */
  async *watch(filter: FlowFilter, signal: AbortSignal): AsyncGenerator<Watched, void> {
    const watcher = new Watcher(filter)
    this.#watchers.add(watcher)
    const stop = () => watcher.wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      while (!signal.aborted) {
        yield* watcher.drain()
        await watcher.more()
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#watchers.delete(watcher)
    }
  }
}

class Watcher {
  readonly #filter: FlowFilter
  #rows: FlowRow[] = []
  #skipped = 0
  #isAwake = false
  #wake: (() => void) | undefined

  constructor(filter: FlowFilter) {
    this.#filter = filter
  }

  take(row: FlowRow): void {
    if (!matches(row, this.#filter)) return
    if (this.#rows.length < MAX_WAITING) this.#rows.push(row)
    else this.#skipped++
    this.wake()
  }

  *drain(): Generator<Watched, void> {
    const rows = this.#rows
    const skipped = this.#skipped
    this.#rows = []
    this.#skipped = 0
    yield* rows
    if (skipped > 0) yield { schema: 1, skipped }
  }

  wake(): void {
    this.#isAwake = true
    this.#wake?.()
  }

  async more(): Promise<void> {
    if (!this.#isAwake) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#isAwake = false
    this.#wake = undefined
  }
}
