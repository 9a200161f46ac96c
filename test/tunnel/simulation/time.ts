import type { TunnelClock } from '../../../tunnel/port.ts'

interface Due {
  readonly at: number
  readonly order: number
  task: (() => void) | undefined
}

/** Time that jumps from one event to the next; events of one moment keep their order. */
export class SimTime implements TunnelClock {
  #nowMs = 1_000_000
  #order = 0
  /** A binary heap: the root is due first. */
  readonly #heap: Due[] = []

  now(): number {
    return Math.floor(this.#nowMs)
  }

  /** For orders that must be kept to the last bit. */
  get exactMs(): number {
    return this.#nowMs
  }

  at(exactMs: number, task: () => void): void {
    this.#push({ at: exactMs, order: this.#order++, task })
  }

  micros(): number {
    return Math.round(this.#nowMs * 1000)
  }

  defer(task: () => void): void {
    this.after(0, task)
  }

  after(delayMs: number, task: () => void): () => void {
    const due: Due = { at: this.#nowMs + delayMs, order: this.#order++, task }
    this.#push(due)
    return () => {
      due.task = undefined
    }
  }

  /** Runs the next event; tells whether there was one before `untilMs`. */
  step(untilMs: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.at > untilMs) return false
    this.#pop()
    this.#nowMs = Math.max(this.#nowMs, first.at)
    first.task?.()
    return true
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.push(due) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (isBefore(heap[above] as Due, due)) break
      heap[at] = heap[above] as Due
      at = above
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below++
      if (isBefore(last, heap[below] as Due)) break
      heap[at] = heap[below] as Due
      at = below
    }
    heap[at] = last
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
