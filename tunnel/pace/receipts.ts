/** A side tells what it has read at least as often (SPEC.md §6.4). */
const STEP_BYTES = 32 * 1024
/** What comes slower is told after this time, … */
export const LATE_MS = 10
/** … unless it is so little that it may stay untold: RECEIVED itself must never cause another one. */
const LITTLE_BYTES = 4096

/** What was read from a tunnel, and what the other end was told of it. */
export class Receipts {
  #read = 0
  #told = 0

  read(bytes: number): void {
    this.#read += bytes
  }

  /** Worth a message of its own. */
  get isDue(): boolean {
    return this.#read - this.#told >= STEP_BYTES
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
}
