/** A window that takes longer than this has another reason to be slow than its size. */
const MOST_MICROS = 1_000_000
/** Twice the window and so much more in a time: the window was what held the flow up. */
const GAIN = 1.25
/** Less than this is no gain. */
const NO_GAIN = 1.05
const AGAIN_MICROS = 10_000_000

type Phase = 'before' | 'settling' | 'after' | 'over'

/**
 * Whether a larger window would let more through. A receiver cannot tell by time alone: it knows the
 * round trips of its own hop, and those of the other one may be a hundred times as long. So it tries:
 * it doubles the window, lets the sender come to know, and keeps it where more comes than before.
 */
export class Trial {
  #phase: Phase = 'before'
  #rate = 0
  #overAtMicros = 0

  /** A window's worth was consumed, in so long. */
  taken(bytes: number, tookMicros: number, nowMicros: number): 'grow' | 'shrink' | 'stay' {
    const rate = bytes / Math.max(1, tookMicros)
    switch (this.#phase) {
      case 'before':
        return tookMicros < MOST_MICROS ? this.#try(rate) : 'stay'
      case 'settling':
        this.#phase = 'after'
        return 'stay'
      case 'after':
        if (rate >= GAIN * this.#rate) return this.#try(rate)
        this.#phase = 'over'
        this.#overAtMicros = nowMicros
        return rate >= NO_GAIN * this.#rate ? 'stay' : 'shrink'
      case 'over':
        if (nowMicros - this.#overAtMicros > AGAIN_MICROS) this.#phase = 'before'
        return 'stay'
    }
  }

  /** The window has changed for another reason. */
  reset(): void {
    this.#phase = 'before'
  }

  #try(rate: number): 'grow' {
    this.#rate = rate
    this.#phase = 'settling'
    return 'grow'
  }
}
