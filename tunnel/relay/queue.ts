import { LEAST_WINDOW_BYTES } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Direction, Ledger } from './direction.ts'

/**
 * What the relay lets wait for one tunnel, over all its flows (SPEC.md §5.4). A flow that is alone gets
 * half: as much as an end's largest window.
 */
const BOUND_BYTES = 8 * 1024 * 1024
/**
 * What may be granted and not have come yet, over all its flows: idle flows keep their windows. Both
 * bounds and the least windows of 2,500 flows stay below what ends a tunnel (MAX_QUEUED_BYTES of
 * relay.ts), so that no honest sender ends one.
 */
const COMMITTED_BYTES = 48 * 1024 * 1024

/** `direction` had relayed up to `offset` when the outbox had `position` bytes. */
interface Mark {
  position: number
  readonly direction: Direction
  offset: number
  after: Mark | undefined
}

/**
 * What waits in a tunnel's outbox, by flow: bytes are written out in the order in which they came, so
 * a list of marks tells how far each flow is.
 */
export class OutQueue implements Ledger {
  readonly #outbox: Outbox
  #first: Mark | undefined
  #last: Mark | undefined
  /** Directions with bytes in the queue. */
  #active = 0
  #committedBytes = 0

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** Granted to senders, and neither come nor given up. */
  get committedBytes(): number {
    return this.#committedBytes
  }

  commit(bytes: number): void {
    this.#committedBytes += bytes
  }

  /** How far beyond what is written out one more flow may be granted credit. */
  get shareBytes(): number {
    const free = (BOUND_BYTES - this.#outbox.queuedBytes) / (this.#active + 1)
    const grantable = Math.min(free, COMMITTED_BYTES - this.#committedBytes)
    return Math.max(LEAST_WINDOW_BYTES, Math.floor(grantable))
  }

  /** `ahead`: bytes before the end of `direction`'s that are not in the outbox yet. */
  mark(direction: Direction, ahead: number): void {
    const position = this.#outbox.appendedBytes + ahead
    const { offset } = direction
    if (this.#last?.direction === direction) {
      this.#last.position = position
      this.#last.offset = offset
      return
    }
    const mark: Mark = { position, direction, offset, after: undefined }
    if (this.#last === undefined) this.#first = mark
    else this.#last.after = mark
    this.#last = mark
    if (direction.marks === 0) this.#active += 1
    direction.marks += 1
  }

  /** Tells every flow how far it is written out; gives those whose senders wait for more credit. */
  settle(): Direction[] {
    const written = this.#outbox.writtenBytes
    const waiting: Direction[] = []
    while (this.#first !== undefined && this.#first.position <= written) {
      const { direction, offset, after } = this.#first
      direction.writtenOut = offset
      direction.marks -= 1
      if (direction.marks === 0) this.#active -= 1
      if (direction.isClamped) waiting.push(direction)
      this.#first = after
    }
    if (this.#first === undefined) this.#last = undefined
    return waiting
  }
}
