/** What whoever takes turns may send before the next one has its turn: a full message. */
export const QUANTUM_BYTES = 16 * 1024

/** A place in a ring, for one who takes turns there. */
export class Seat<Owner> {
  readonly owner: Owner
  /** What is left of its turn; below zero if a frame took more. */
  leftBytes = 0
  list: List<Owner> | undefined
  before: Seat<Owner> | undefined
  after: Seat<Owner> | undefined

  constructor(owner: Owner) {
    this.owner = owner
  }

  get isTaken(): boolean {
    return this.list !== undefined
  }
}

/**
 * Deficit round robin as fq_codel does it (RFC 8290 §4): who comes with little goes first, and who goes
 * on sending takes turns, each with as many bytes, however many frames that makes.
 */
export class Ring<Owner> {
  /** Came since they last had nothing to send, and have not used up a turn yet. */
  readonly #fresh = new List<Owner>()
  readonly #steady = new List<Owner>()

  enter(seat: Seat<Owner>): void {
    if (seat.isTaken) return
    seat.leftBytes = QUANTUM_BYTES
    this.#fresh.push(seat)
  }

  /** Whose turn it is. */
  next(): Seat<Owner> | undefined {
    for (;;) {
      const seat = this.#fresh.first ?? this.#steady.first
      if (seat === undefined || seat.leftBytes > 0) return seat
      seat.leftBytes += QUANTUM_BYTES
      this.#steady.push(seat)
    }
  }

  /**
   * It has nothing to send at its turn. A fresh one waits for all others' turns before it may be fresh
   * again, or many small ones would starve the large.
   */
  rest(seat: Seat<Owner>): void {
    if (seat.list === this.#fresh) this.#steady.push(seat)
    else seat.list?.remove(seat)
  }
}

class List<Owner> {
  first: Seat<Owner> | undefined
  #last: Seat<Owner> | undefined

  /** To the end, from wherever it is. */
  push(seat: Seat<Owner>): void {
    seat.list?.remove(seat)
    seat.list = this
    seat.before = this.#last
    if (this.#last === undefined) this.first = seat
    else this.#last.after = seat
    this.#last = seat
  }

  remove(seat: Seat<Owner>): void {
    const { before, after } = seat
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    seat.list = seat.before = seat.after = undefined
  }
}
