import type { Pace } from './pace/pace.ts'
import type { LinkPort, TunnelClock } from './port.ts'

/** What goes to the kernel in one piece: eight TLS records. */
export const SLAB_BYTES = 131_072

/** What may wait in the outbox while others take turns: more would only be in the way of what comes next. */
const AHEAD_BYTES = SLAB_BYTES

const RETRY_MS = 5

/** Slabs that no tunnel uses at the moment. Only a few are kept: most tunnels are idle. */
export class SlabPool {
  readonly #free: Uint8Array[] = []
  readonly #keep: number

  constructor(keep = 16) {
    this.#keep = keep
  }

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
  }

  give(slab: Uint8Array): void {
    if (this.#free.length < this.#keep) this.#free.push(slab)
  }
}

export interface OutboxOptions {
  readonly link: LinkPort
  readonly clock: TunnelClock
  readonly pool: SlabPool
  /** Bounds what is on its way; without it only what waits here is bounded. */
  readonly pace?: Pace | undefined
  /** Called once a turn, before what is there goes out: the owner adds what it has. */
  compose(): void
  /** The kernel took some of it. */
  drained(): void
  /** More waits than `maxQueuedBytes`: the other end does not read. */
  overflow(): void
  readonly maxQueuedBytes: number
}

/** A slab with whole messages, or one large message. */
interface Batch {
  readonly bytes: Uint8Array
  /** Where the messages of a slab end; undefined for a large message. */
  readonly ends: readonly number[] | undefined
  /** Bytes of frames in it. */
  readonly size: number
}

/**
 * Gathers the frames of one turn of the event loop into messages, and messages into slabs. One slab at
 * a time is with the link: a carrier that is given several at once copies them together.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #link: LinkPort
  #waiting: Batch[] = []
  #slab: Uint8Array | undefined
  #ends: number[] = []
  /** Where the message that is being filled begins, and how far it is filled. */
  #start = 0
  #fill: number
  #size = 0
  #queued = 0
  #appended = 0
  #given = 0
  #waitingBytes = 0
  #isWoken = false
  #isRetrying = false
  #isSending = false
  #isClosed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#link = options.link
    this.#fill = options.link.headroomBytes
  }

  /** Bytes of frames ever given to this outbox; `writtenBytes` of them are with the kernel. */
  get appendedBytes(): number {
    return this.#appended
  }

  get writtenBytes(): number {
    return this.#appended - this.#queued
  }

  /** What the kernel has not taken, and what waits for its turn to come here. */
  get queuedBytes(): number {
    return this.#queued + this.#waitingBytes
  }

  /** What may be added now by those who take turns; small frames that are not theirs go always. */
  get spareBytes(): number {
    const spare = AHEAD_BYTES - this.#queued
    const { pace, clock } = this.#options
    if (pace === undefined || spare <= 0) return spare
    return Math.min(spare, pace.spareBytes(this.#appended, clock.micros()))
  }

  /** So much waits that flows should end one by one now, before the tunnel does, with all of them. */
  get isOverfull(): boolean {
    return this.queuedBytes * 3 > this.#options.maxQueuedBytes * 2
  }

  /** Bytes that the message that is being filled still takes. */
  get room(): number {
    return this.#start + this.#link.messageBytes - this.#fill
  }

  /** The most that `reserve` gives. */
  get maxBytes(): number {
    return this.#link.messageBytes - this.#link.headroomBytes
  }

  /**
   * Makes room for `length` bytes and counts them as given; the caller fills `slab` from the returned
   * place on, before it does anything else.
   */
  reserve(length: number): number {
    if (length > this.room) this.#closeMessage()
    const at = this.#fill
    this.#fill += length
    this.#size += length
    this.#count(length)
    return at
  }

  get slab(): Uint8Array {
    this.#slab ??= this.#options.pool.take()
    return this.#slab
  }

  /** Copies whole frames, or takes them as a message of their own if they are large. */
  append(frames: Uint8Array): void {
    if (frames.length <= this.maxBytes) {
      const at = this.reserve(frames.length)
      this.slab.set(frames, at)
      return
    }
    this.#sealSlab()
    this.#waiting.push({ bytes: frames, ends: undefined, size: frames.length })
    this.#count(frames.length)
  }

  /** `bytes` more wait for their turn to come here, or, below zero, fewer. */
  wait(bytes: number): void {
    this.#waitingBytes += bytes
    this.#checkQueued()
  }

  /** Sees to it that this turn ends with `compose` and a flush. */
  wake(): void {
    if (this.#isWoken) return
    this.#isWoken = true
    this.#options.clock.defer(() => this.turn())
  }

  turn(): void {
    if (this.#isClosed) return
    this.#isWoken = true
    this.#options.compose()
    this.#isWoken = false
    if (this.#options.pace !== undefined) this.#composed(this.#options.pace)
    this.#flush()
  }

  #composed(pace: Pace): void {
    if (this.spareBytes > 0) pace.idle(this.#appended)
    else if (!this.#isRetrying) this.#retry()
  }

  /** While nothing is told time alone lets more out. */
  #retry(): void {
    this.#isRetrying = true
    this.#options.clock.after(RETRY_MS, () => {
      this.#isRetrying = false
      this.turn()
    })
  }

  /** Whatever is there goes to the link; nothing is taken from now on. */
  close(): void {
    if (this.#isClosed) return
    this.#sealSlab()
    // Before anything is sent: a link that is gone says at once that it is written, and what follows
    // from that must not send it, and give its slab back, a second time.
    this.#isClosed = true
    for (const batch of this.#waiting.splice(0)) this.#send(batch)
  }

  #count(length: number): void {
    this.#appended += length
    this.#queued += length
    this.wake()
    this.#checkQueued()
  }

  #checkQueued(): void {
    if (this.queuedBytes > this.#options.maxQueuedBytes) this.#options.overflow()
  }

  #flush(): void {
    if (this.#isSending || this.#isClosed) return
    if (this.#waiting.length === 0) this.#sealSlab()
    const batch = this.#waiting.shift()
    if (batch === undefined) return
    this.#isSending = true
    this.#send(batch)
  }

  #send({ bytes, ends, size }: Batch): void {
    this.#given += size
    this.#options.pace?.given(this.#given, this.#options.clock.micros())
    const written = () => this.#written(size)
    if (ends === undefined) {
      this.#link.send(bytes, written)
      return
    }
    this.#link.sendSlab(bytes, ends, () => {
      this.#options.pool.give(bytes)
      written()
    })
  }

  #written(size: number): void {
    this.#queued -= size
    this.#isSending = false
    if (this.#isClosed) return
    this.#options.drained()
    this.#flush()
  }

  /** A short message may need a shorter header than was left room for. */
  #closeMessage(): void {
    const { headroomBytes, messageBytes } = this.#link
    const length = this.#fill - this.#start - headroomBytes
    if (length === 0) return
    const headroom = this.#link.headroomFor(length)
    if (headroom < headroomBytes) {
      this.slab.copyWithin(this.#start + headroom, this.#start + headroomBytes, this.#fill)
    }
    this.#start += headroom + length
    this.#ends.push(this.#start)
    this.#fill = this.#start + headroomBytes
    if (this.#start + messageBytes > SLAB_BYTES) this.#sealSlab()
  }

  #sealSlab(): void {
    if (this.#fill - this.#start > this.#link.headroomBytes) this.#closeMessage()
    const slab = this.#slab
    if (slab === undefined || this.#ends.length === 0) return
    this.#waiting.push({ bytes: slab, ends: this.#ends, size: this.#size })
    this.#slab = undefined
    this.#ends = []
    this.#size = 0
    this.#start = 0
    this.#fill = this.#link.headroomBytes
  }
}
