/** A side tells what it has read as often (SPEC.md §6.4), … */
const STEP_BYTES = 32 * 1024
/** … but, where much comes all the time, only when an eighth of what came in such a span has come. */
const SPAN_MICROS = 20_000
/** What comes slower is told after this time, unless it is … */
export const LATE_MS = 5
/** … so little that it may stay untold: RECEIVED itself must never cause another one. */
const LITTLE_BYTES = 4096

/** What was read from a tunnel, and what the other end was told of it. */
export class Receipts {
  #read = 0
  #told = 0
  #spanSinceMicros = 0
  #readBeforeSpan = 0
  /** What came in the span before. */
  #spanBytes = 0

  read(bytes: number): void {
    this.#read += bytes
  }

  /** Worth a message of its own. */
  isDue(nowMicros: number): boolean {
    const untold = this.#read - this.#told
    if (untold < STEP_BYTES) return false
    this.#measure(nowMicros)
    return untold >= this.#spanBytes / 8
  }

  /** Worth a frame in a message that goes anyway, or in one of its own after a while. */
  get isWorth(): boolean {
    return this.#read - this.#told >= LITTLE_BYTES
  }

  /** What RECEIVED says now; counts as told. */
  tell(): number {
    this.#told = this.#read
    return this.#read
  }

  #measure(nowMicros: number): void {
    const tookMicros = nowMicros - this.#spanSinceMicros
    if (tookMicros < SPAN_MICROS) return
    const bytes = this.#read - this.#readBeforeSpan
    this.#spanBytes = tookMicros < 2 * SPAN_MICROS ? bytes : 0
    this.#spanSinceMicros = nowMicros
    this.#readBeforeSpan = this.#read
  }
}
