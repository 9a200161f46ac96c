import { Seat } from '../fair/ring.ts'
import { Rounds } from '../fair/rounds.ts'
import { LEAST_WINDOW_BYTES } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Direction, Ledger } from './direction.ts'
import type { Leg } from './leg.ts'
import { type Frames, Waiting } from './waiting.ts'

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
 * What waits for a tunnel, by flow. As long as the tunnel takes what comes, frames go straight into its
 * outbox; then flows wait here and take turns. Bytes are written out in the order in which they came
 * into the outbox, so a list of marks tells how far each flow is.
 */
export class OutQueue implements Ledger {
  readonly #outbox: Outbox
  readonly #rounds = new Rounds<Direction>()
  #first: Mark | undefined
  #last: Mark | undefined
  /** Directions with bytes that wait or are in the outbox. */
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

  get hasWaiting(): boolean {
    return !this.#rounds.isEmpty
  }

  /** Frames of flows take turns now; `ahead`: bytes that go to the outbox but are not there yet. */
  isBacklogged(ahead: number): boolean {
    return this.hasWaiting || this.#outbox.spareBytes <= ahead
  }

  /** A whole frame, with which its flow was relayed up to `offset`. */
  put(to: Leg, frame: Uint8Array, offset: number): void {
    if (this.isBacklogged(0)) {
      this.wait(to, { bytes: frame, start: 0, end: frame.length, offset })
      return
    }
    this.#outbox.append(frame)
    this.mark(to.receives, 0, offset)
  }

  /** Frames that go to `to` wait for their turn; gives whether their message itself is kept. */
  wait({ receives, flow }: Leg, frames: Frames): boolean {
    receives.turn ??= { seat: new Seat(receives), waiting: new Waiting() }
    const { seat, waiting } = receives.turn
    if (waiting.isEmpty) this.#enter(receives)
    const isKept = waiting.add(frames)
    this.#rounds.enter(seat, flow.party)
    this.#outbox.wake()
    this.#outbox.wait(frames.end - frames.start)
    return isKept
  }

  /** Lets as much go out as the tunnel takes, in turns. */
  compose(): void {
    while (this.#outbox.spareBytes > 0) {
      const seat = this.#rounds.next()
      if (seat === undefined) return
      const bytes = this.#send(seat.owner)
      if (bytes === 0) this.#rounds.rest(seat)
      else this.#rounds.spend(seat, bytes)
    }
  }

  /** What waits of a direction is not wanted any more. */
  drop(direction: Direction): void {
    const { turn } = direction
    if (turn === undefined) return
    this.#rounds.leave(turn.seat)
    if (turn.waiting.isEmpty) return
    this.#outbox.wait(-turn.waiting.bytes)
    turn.waiting.drop()
    this.#leave(direction)
  }

  /** `ahead`: bytes before the end of `direction`'s that are not in the outbox yet. */
  mark(direction: Direction, ahead: number, offset = direction.offset): void {
    const position = this.#outbox.appendedBytes + ahead
    if (this.#last?.direction === direction) {
      this.#last.position = position
      this.#last.offset = offset
      return
    }
    const mark: Mark = { position, direction, offset, after: undefined }
    if (this.#last === undefined) this.#first = mark
    else this.#last.after = mark
    this.#last = mark
    this.#enter(direction)
  }

  /** Tells every flow how far it is written out; gives those whose senders wait for more credit. */
  settle(): Direction[] {
    const written = this.#outbox.writtenBytes
    const waiting: Direction[] = []
    while (this.#first !== undefined && this.#first.position <= written) {
      const { direction, offset, after } = this.#first
      direction.writtenOut = offset
      this.#leave(direction)
      if (direction.isClamped) waiting.push(direction)
      this.#first = after
    }
    if (this.#first === undefined) this.#last = undefined
    return waiting
  }

  /** Gives the bytes that went. */
  #send(direction: Direction): number {
    const block = direction.turn?.waiting.take()
    if (block === undefined) return 0
    const { length } = block.frames
    this.#outbox.wait(-length)
    this.#outbox.append(block.frames)
    this.mark(direction, 0, block.offset)
    if (length <= this.#outbox.maxBytes) block.release()
    if (direction.turn?.waiting.isEmpty) this.#leave(direction)
    return length
  }

  #enter(direction: Direction): void {
    if (direction.marks === 0) this.#active += 1
    direction.marks += 1
  }

  #leave(direction: Direction): void {
    direction.marks -= 1
    if (direction.marks === 0) this.#active -= 1
  }
}
