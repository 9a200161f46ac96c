import { writeOffset } from '../frames/bytes.ts'
import { HEADER_BYTES, OFFSET_BYTES, TYPE } from '../frames/frame.ts'
import { FIN_FRAME_BYTES, putFin, putHeader } from '../frames/write.ts'
import type { Outbox } from '../outbox.ts'
import type { EndFlow } from './end-flow.ts'

/** What may wait in the link: more would only make the next keystroke wait behind it. */
const AHEAD_BYTES = 256 * 1024
/** What one flow sends before the next one with bytes has its turn. */
const QUANTUM_BYTES = 16 * 1024
/** A rest of a message below this is not worth a frame. */
const LEAST_PART_BYTES = 2048

/** Whose turn it is to send: flows with bytes go round, so that none waits for another's end. */
export class Turns {
  readonly #outbox: Outbox
  /** In the order of their turns; a flow that has more to send goes to the end. */
  readonly #ready = new Set<EndFlow>()
  readonly #owing = new Set<EndFlow>()

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  ready(flow: EndFlow): void {
    this.#ready.add(flow)
    this.#outbox.wake()
  }

  owes(flow: EndFlow): void {
    this.#owing.add(flow)
    this.#outbox.wake()
  }

  forget(flow: EndFlow): void {
    this.#ready.delete(flow)
    this.#owing.delete(flow)
  }

  get isEmpty(): boolean {
    return this.#ready.size === 0
  }

  /** Credits first: they are small, and somebody waits for them. */
  compose(): void {
    for (const flow of this.#owing) flow.putCreditIfDue()
    this.#owing.clear()
    for (const flow of this.#ready) {
      if (this.#outbox.queuedBytes >= AHEAD_BYTES) break
      this.#ready.delete(flow)
      this.#putTurn(flow)
      if (flow.hasToSend) this.#ready.add(flow)
      flow.drain()
    }
  }

  #putTurn(flow: EndFlow): void {
    const length = this.#lengthOf(flow.sending.sendableBytes)
    if (length > 0 && flow.sending.isRewound) this.#putDataAt(flow, length)
    else if (length > 0) this.#putData(flow, length)
    if (flow.sending.isFinDue) this.#putFin(flow)
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
