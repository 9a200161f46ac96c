import { Seat } from '../fair/ring.ts'
import { type PartyKey, Rounds } from '../fair/rounds.ts'
import type { Outbox } from '../outbox.ts'
import type { Direction } from './direction.ts'
import { type Share, Shares } from './shares.ts'
import { type Frames, Waiting } from './waiting.ts'

/** Where frames go: a leg of their flow. */
interface Target {
  readonly receives: Direction
  readonly flow: { readonly party: PartyKey }
}

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
export class OutQueue {
  readonly #outbox: Outbox
  readonly #rounds = new Rounds<Direction>()
  #first: Mark | undefined
  #last: Mark | undefined
  readonly #shares: Shares

  constructor(outbox: Outbox) {
    this.#outbox = outbox
    this.#shares = new Shares(() => outbox.queuedBytes)
  }

  get committedBytes(): number {
    return this.#shares.committedBytes
  }

  /** What one party may have wait here. */
  shareOf(party: PartyKey): Share {
    return this.#shares.of(party)
  }

  get hasWaiting(): boolean {
    return !this.#rounds.isEmpty
  }

  /** Frames of flows take turns now; `ahead`: bytes that go to the outbox but are not there yet. */
  isBacklogged(ahead: number): boolean {
    return this.hasWaiting || this.#outbox.spareBytes <= ahead
  }

  /** A whole frame, with which its flow was relayed up to `offset`. */
  put(to: Target, frame: Uint8Array, offset: number): void {
    if (this.isBacklogged(0)) {
      this.wait(to, { bytes: frame, start: 0, end: frame.length, offset })
      return
    }
    this.#outbox.append(frame)
    this.mark(to.receives, 0, offset)
  }

  /** Frames that go to `to` wait for their turn: copies of them. */
  wait({ receives, flow }: Target, frames: Frames): void {
    receives.turn ??= { seat: new Seat(receives), waiting: new Waiting() }
    const { seat, waiting } = receives.turn
    if (waiting.isEmpty) enter(receives)
    waiting.add(frames)
    this.#rounds.enter(seat, flow.party)
    this.#outbox.wake()
    this.#outbox.wait(frames.end - frames.start)
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
    direction.throwAway()
    leave(direction)
  }

  /** `ahead`: bytes before the end of `direction`'s that are not in the outbox yet. */
  mark(direction: Direction, ahead: number, offset = direction.offset): void {
    const position = this.#outbox.appendedBytes + ahead
    direction.sentOffset = offset
    if (this.#last?.direction === direction) {
      this.#last.position = position
      this.#last.offset = offset
      return
    }
    const mark: Mark = { position, direction, offset, after: undefined }
    if (this.#last === undefined) this.#first = mark
    else this.#last.after = mark
    this.#last = mark
    enter(direction)
  }

  /** Tells every flow how far it is written out; gives those whose senders wait for more credit. */
  settle(): Direction[] {
    const written = this.#outbox.writtenBytes
    const waiting: Direction[] = []
    while (this.#first !== undefined && this.#first.position <= written) {
      const { direction, offset, after } = this.#first
      direction.wroteOut(offset)
      leave(direction)
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
    if (direction.turn?.waiting.isEmpty) leave(direction)
    return length
  }
}

function enter(direction: Direction): void {
  if (direction.marks === 0) direction.share?.enter()
  direction.marks += 1
}

function leave(direction: Direction): void {
  direction.marks -= 1
  if (direction.marks === 0) direction.share?.leave()
}
