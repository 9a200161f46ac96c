/** What one link may take of a turn of the event loop before the others have theirs. */
const SLICE_MS = 1

/** The turns of the event loop in which somebody asked. */
class Turns {
  #number = 0
  #isCounted = false

  current(): number {
    if (!this.#isCounted) {
      this.#isCounted = true
      setImmediate(() => {
        this.#isCounted = false
        this.#number += 1
      })
    }
    return this.#number
  }
}

const TURNS = new Turns()

/**
 * A link's part of a turn. The kernel hands over as much of one socket as there is: two megabytes of
 * tiny frames are read before the next socket has its turn.
 */
export class Slice {
  #turn = -1
  #since = 0

  /** Ask after each chunk: whether the rest should wait for the next turn. */
  isOver(): boolean {
    const now = performance.now()
    const turn = TURNS.current()
    if (turn === this.#turn) return now - this.#since > SLICE_MS
    this.#turn = turn
    this.#since = now
    return false
  }
}
