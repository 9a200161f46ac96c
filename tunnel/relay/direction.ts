import { TunnelError } from '../codes.ts'
import type { Seat } from '../fair/ring.ts'
import { CREDIT_FRAME_BYTES, putCredit } from '../frames/write.ts'
import type { Outbox } from '../outbox.ts'
import type { Share } from './shares.ts'
import type { Waiting } from './waiting.ts'

/** What may wait between two updates of a clamped credit. */
const STEP_BYTES = 32 * 1024

interface Sender {
  readonly tunnel: { readonly outbox: Outbox }
  readonly stream: number
}

/** Where the receiver of a direction stands when its flow is resumed: RESUME's words, or RESUMED's. */
export interface Place {
  readonly received: number
  /** `received` counts FIN. */
  readonly hasFin: boolean
  readonly limit: number
}

/** One direction of a relayed flow: what the sender may send, sent, and the receiver has. */
export class Direction {
  /** Bytes relayed. */
  offset = 0
  /** Of those, what the outbox has had. */
  sentOffset = 0
  /** Whom to tell of more credit. */
  sender: Sender | undefined
  /** Marks in the queue of the tunnel that it leaves by. */
  marks = 0
  /** Its place among those whose frames wait for a tunnel that is slower, and these frames. */
  turn: { readonly seat: Seat<Direction>; readonly waiting: Waiting } | undefined
  #isClosed = false
  /** Of the tunnel that it leaves by; undefined until there is one. */
  #share: Share | undefined
  #writtenOut = 0
  /** What the sender was told. */
  #granted: number
  /** What the receiver would take. */
  #limit: number
  #acknowledged = 0
  #fin: number | undefined

  constructor(granted: number, ends: { sender?: Sender; share?: Share }) {
    this.sender = ends.sender
    this.#granted = granted
    this.#limit = granted
    if (ends.share) this.leaveBy(ends.share)
  }

  /** From now on its bytes count as this party's of that tunnel, those that came before as well. */
  leaveBy(share: Share): void {
    this.#share = share
    share.wait(this.offset - this.#writtenOut)
    if (this.#isClosed) return
    share.join()
    share.commit(this.#granted - this.offset)
  }

  get share(): Share | undefined {
    return this.#share
  }

  /** How far beyond what is written out its sender may be granted credit. */
  get freeBytes(): number {
    return this.#share?.freeBytes ?? 0
  }

  /** Of what was relayed, what the kernel has. */
  get writtenOut(): number {
    return this.#writtenOut
  }

  /** The kernel has the bytes up to `offset`. */
  wroteOut(offset: number): void {
    this.#share?.wait(this.#writtenOut - offset)
    this.#writtenOut = offset
  }

  /** What the outbox has not had never goes out. */
  throwAway(): void {
    this.#share?.wait(this.sentOffset - this.offset)
  }

  /**
   * A flow that is resumed goes on at `received`, where its receiver stands; gives the limit to pass
   * on, at most `share` beyond that.
   */
  place({ received, hasFin, limit }: Place, share: number): number {
    this.offset = hasFin ? received - 1 : received
    this.sentOffset = this.offset
    this.#writtenOut = this.offset
    this.#acknowledged = received
    this.#limit = limit
    this.#granted = Math.max(this.offset, Math.min(limit, this.offset + share))
    this.#share?.commit(this.#granted - this.offset)
    if (hasFin) this.finish(this.offset)
    return this.#granted
  }

  /** What was relayed last waits still: what comes after it must not overtake it. */
  get isInTurns(): boolean {
    return this.turn?.waiting.isEmpty === false
  }

  /** Every byte and FIN were relayed and acknowledged. */
  get isDone(): boolean {
    return this.#fin !== undefined && this.#acknowledged === this.#fin + 1
  }

  /** The sender was told less than the receiver would take. */
  get isClamped(): boolean {
    return this.#granted < this.#limit && !this.#isClosed
  }

  get isWaitingForAck(): boolean {
    return this.#acknowledged < this.offset
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  get granted(): number {
    return this.#granted
  }

  /** @throws TunnelError `flow-control` for bytes beyond the credit, `protocol-error` after FIN */
  relay(bytes: number): void {
    if (this.#fin !== undefined) throw new TunnelError('protocol-error', 'DATA after FIN')
    if (this.offset + bytes > this.#granted) {
      throw new TunnelError('flow-control', 'more bytes than the credit allows')
    }
    this.offset += bytes
    this.#share?.commit(-bytes)
    this.#share?.wait(bytes)
  }

  /** @throws TunnelError `protocol-error` when bytes are missing */
  finish(offset: number): void {
    if (this.#fin !== undefined || offset !== this.offset) {
      throw new TunnelError('protocol-error', 'FIN is not at the end of the bytes')
    }
    this.#fin = offset
    this.close()
  }

  /**
   * The receiver's CREDIT; gives the limit to pass on, at most `share` beyond what is written out.
   * @throws TunnelError `protocol-error` for what was never relayed
   */
  credit(received: number, limit: number, share: number): number {
    if (received > this.offset + (this.#fin === undefined ? 0 : 1)) {
      throw new TunnelError('protocol-error', 'CREDIT acknowledges what was not sent')
    }
    this.#acknowledged = Math.max(this.#acknowledged, received)
    this.#limit = Math.max(this.#limit, limit)
    this.#grant(this.#grantable(share))
    return this.#granted
  }

  /** More was written out: tells the sender of more credit if it is worth it. */
  regrant(share: number): void {
    const next = this.#grantable(share)
    const worth = next - this.#granted >= STEP_BYTES || this.offset === this.#granted
    if (next === this.#granted || !worth || !this.sender) return
    this.#grant(next)
    const { tunnel, stream } = this.sender
    const at = tunnel.outbox.reserve(CREDIT_FRAME_BYTES)
    putCredit(tunnel.outbox.slab, at, stream, this.#acknowledged, next)
  }

  /** Nothing comes any more, after FIN or a reset: whatever is still in a queue asks for no more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#share?.commit(this.offset - this.#granted)
    this.#share?.part()
  }

  #grant(next: number): void {
    if (!this.#isClosed) this.#share?.commit(next - this.#granted)
    this.#granted = next
  }

  /** Credit that was given is never taken back. */
  #grantable(share: number): number {
    return Math.max(this.#granted, Math.min(this.#limit, this.#writtenOut + share))
  }
}
