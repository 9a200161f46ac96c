/** A token bucket: `perSecond` events in the long run, `burst` at once. */
export class Bucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#at = now
  }

  /** Whether one more event, or so many at once, are within the rate. */
  take(now: number, events = 1): boolean {
    if (this.#tokens < events) this.#refill(now)
    if (this.#tokens < events) return false
    this.#tokens -= events
    return true
  }

  /** Nobody has taken anything for so long that it is as if new. */
  isFull(now: number): boolean {
    this.#refill(now)
    return this.#tokens === this.#burst
  }

  /** A clock that was set back adds nothing and takes nothing. */
  #refill(now: number): void {
    const passedMs = Math.max(0, now - this.#at)
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#perMs)
    this.#at = now
  }
}
