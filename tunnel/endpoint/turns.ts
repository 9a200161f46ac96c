import { QUANTUM_BYTES, Seat } from '../fair/ring.ts'
import { Rounds } from '../fair/rounds.ts'
import { writeOffset } from '../frames/bytes.ts'
import { HEADER_BYTES, OFFSET_BYTES, TYPE } from '../frames/frame.ts'
import { FIN_FRAME_BYTES, putFin, putHeader } from '../frames/write.ts'
import type { Outbox } from '../outbox.ts'
import type { EndFlow } from './end-flow.ts'

/** A rest of a message below this is not worth a frame. */
const LEAST_PART_BYTES = 2048

/** Whose turn it is to send: parties and their flows go round, so that none waits for another's end. */
export class Turns {
  readonly #outbox: Outbox
  readonly #rounds = new Rounds<EndFlow>()
  readonly #seats = new Map<EndFlow, Seat<EndFlow>>()
  readonly #owing = new Set<EndFlow>()

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  ready(flow: EndFlow): void {
    let seat = this.#seats.get(flow)
    if (seat === undefined) {
      seat = new Seat(flow)
      this.#seats.set(flow, seat)
    }
    this.#rounds.enter(seat, flow.party ?? '')
    this.#outbox.wake()
  }

  owes(flow: EndFlow): void {
    this.#owing.add(flow)
    this.#outbox.wake()
  }

  forget(flow: EndFlow): void {
    const seat = this.#seats.get(flow)
    if (seat !== undefined) this.#rounds.leave(seat)
    this.#seats.delete(flow)
    this.#owing.delete(flow)
  }

  get isEmpty(): boolean {
    return this.#rounds.isEmpty
  }

  /** Credits first: they are small, and somebody waits for them. */
  compose(): void {
    for (const flow of this.#owing) flow.putCreditIfDue()
    this.#owing.clear()
    while (this.#outbox.spareBytes > 0) {
      const seat = this.#rounds.next()
      if (seat === undefined) break
      const flow = seat.owner
      if (flow.hasToSend) this.#rounds.spend(seat, this.#putTurn(flow))
      else this.#rounds.rest(seat)
      flow.drain()
    }
  }

  /** Gives the bytes that it took. */
  #putTurn(flow: EndFlow): number {
    const before = this.#outbox.appendedBytes
    const length = this.#lengthOf(flow.sending.sendableBytes)
    if (length > 0 && flow.sending.isRewound) this.#putDataAt(flow, length)
    else if (length > 0) this.#putData(flow, length)
    if (flow.sending.isFinDue) this.#putFin(flow)
    return this.#outbox.appendedBytes - before
  }

  /** What is left of a message, or a new one if that is too little. */
  #lengthOf(sendable: number): number {
    const wanted = Math.min(sendable, QUANTUM_BYTES)
    const room = this.#outbox.room - HEADER_BYTES
    if (wanted <= room || room >= LEAST_PART_BYTES) return Math.min(wanted, room)
    return Math.min(wanted, this.#outbox.maxBytes - HEADER_BYTES)
  }

  #putData({ stream, sending }: EndFlow, length: number): void {
    const at = this.#outbox.reserve(HEADER_BYTES + length)
    putHeader(this.#outbox.slab, at, TYPE.DATA, length, stream)
    sending.take(this.#outbox.slab, at + HEADER_BYTES, length)
  }

  /** The first bytes of another attachment say where they lie (SPEC.md §5.1). */
  #putDataAt({ stream, sending }: EndFlow, wanted: number): void {
    const before = HEADER_BYTES + OFFSET_BYTES
    const length = Math.min(wanted, this.#outbox.maxBytes - before)
    const at = this.#outbox.reserve(before + length)
    putHeader(this.#outbox.slab, at, TYPE.DATA_AT, OFFSET_BYTES + length, stream)
    writeOffset(this.#outbox.slab, at + HEADER_BYTES, sending.nextOffset)
    sending.take(this.#outbox.slab, at + before, length)
  }

  #putFin({ stream, sending }: EndFlow): void {
    const at = this.#outbox.reserve(FIN_FRAME_BYTES)
    putFin(this.#outbox.slab, at, stream, sending.endOffset)
    sending.finSent()
  }
}
