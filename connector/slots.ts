import type { CancelSignal } from './cancel.ts'

/**
 * Permits for work that is bounded in all and for each key; who waits is served in turn by key, so
 * that an origin which answers nothing does not hold up the dials to others.
 */
export class Slots<Key> {
  readonly #bounds: SlotBounds
  readonly #held = new Map<Key, number>()
  readonly #waiting = new Map<Key, Set<Waiter>>()
  #heldInAll = 0
  #waitingInAll = 0

  constructor(bounds: SlotBounds) {
    this.#bounds = bounds
  }

  get heldCount(): number {
    return this.#heldInAll
  }

  get waitingCount(): number {
    return this.#waitingInAll
  }

  /**
   * A permit, given back by calling it; `undefined` when `signal` aborts first. Who waits in vain
   * because too many wait already gets `'full'`.
   */
  take(key: Key, signal: CancelSignal): Promise<Permit | 'full' | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    if (this.#isFree(key)) return Promise.resolve(this.#grant(key))
    if (this.#waitingInAll >= this.#bounds.waiting) return Promise.resolve('full')
    return new Promise((resolve) => {
      const leave = () => {
        this.#leave(key, waiter)
        resolve(undefined)
      }
      const waiter: Waiter = () => {
        signal.removeEventListener('abort', leave)
        resolve(this.#grant(key))
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#enter(key, waiter)
    })
  }

  #isFree(key: Key): boolean {
    return this.#heldInAll < this.#bounds.all && this.#heldBy(key) < this.#bounds.each
  }

  #heldBy = (key: Key) => this.#held.get(key) ?? 0

  #grant(key: Key): Permit {
    this.#count(key, 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#count(key, -1)
      this.#serveNext()
    }
  }

  #count(key: Key, change: 1 | -1): void {
    this.#heldInAll += change
    const held = this.#heldBy(key) + change
    if (held === 0) this.#held.delete(key)
    else this.#held.set(key, held)
  }

  #enter(key: Key, waiter: Waiter): void {
    const line = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, line.add(waiter))
    this.#waitingInAll++
  }

  #leave(key: Key, waiter: Waiter): void {
    const line = this.#waiting.get(key)
    if (!line?.delete(waiter)) return
    this.#waitingInAll--
    if (line.size === 0) this.#waiting.delete(key)
  }

  #serveNext(): void {
    for (const [key, line] of this.#waiting) {
      if (!this.#isFree(key)) continue
      const [waiter] = line
      if (!waiter) continue
      this.#leave(key, waiter)
      // To the end of the turn.
      if (this.#waiting.delete(key)) this.#waiting.set(key, line)
      waiter()
      return
    }
  }
}

export interface SlotBounds {
  readonly all: number
  readonly each: number
  readonly waiting: number
}

export type Permit = () => void
type Waiter = () => void
