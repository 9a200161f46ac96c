import type { TunnelClock } from '../../tunnel/port.ts'

/** Time that stands until it is told to pass. */
export class StandingClock implements TunnelClock {
  #now = 1_800_000_000_000
  readonly #tasks = new Set<{ at: number; task: () => void }>()

  now(): number {
    return this.#now
  }

  micros(): number {
    return this.#now * 1000
  }

  defer(task: () => void): void {
    queueMicrotask(task)
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { at: this.#now + delayMs, task }
    this.#tasks.add(entry)
    return () => void this.#tasks.delete(entry)
  }

  get waitingCount(): number {
    return this.#tasks.size
  }

  /** Lets `ms` pass: what is due runs in its order, and what it starts has its turn in between. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      await turn()
      const [next] = [...this.#tasks].sort((a, b) => a.at - b.at)
      if (!next || next.at > until) break
      this.#tasks.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.task()
    }
    this.#now = until
    await turn()
  }
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Real time, for tests with real sockets. */
export const realClock: TunnelClock = {
  now: () => Date.now(),
  micros: () => Math.round(performance.now() * 1000),
  defer: (task) => queueMicrotask(task),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
