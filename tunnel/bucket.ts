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

  /** Whether one more event is within the rate. */
  take(now: number): boolean {
    if (this.#tokens < 1) this.#refill(now)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** A clock that was set back adds nothing and takes nothing. */
  #refill(now: number): void {
    const passedMs = Math.max(0, now - this.#at)
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#perMs)
    this.#at = now
  }
}
