import type { LinkPort, TunnelClock } from './port.ts'

export const SLAB_BYTES = 65_536

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
  /** Called once a turn, before what is there goes out: the owner adds what it has. */
  compose(): void
  /** More waits than `maxQueuedBytes`: the other end does not read. */
  overflow(): void
  readonly maxQueuedBytes: number
}

/** Gathers the frames of one turn of the event loop into messages of one slab each. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #link: LinkPort
  #slab: Uint8Array | undefined
  #fill = 0
  #woken = false
  #appended = 0
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#link = options.link
  }

  /** Bytes ever given to this outbox; `writtenBytes` of them are with the kernel. */
  get appendedBytes(): number {
    return this.#appended
  }

  get writtenBytes(): number {
    return this.#appended - this.queuedBytes
  }

  get queuedBytes(): number {
    return this.#fill + this.#link.bufferedBytes
  }

  /** Bytes that `reserve` can still give in the slab that is being filled. */
  get room(): number {
    return SLAB_BYTES - this.#fill
  }

  /**
   * Makes room for `length` bytes (a slab at most) and counts them as written; the caller fills
   * `slab` from the returned place on, before it does anything else.
   */
  reserve(length: number): number {
    if (length > this.room) this.#sendSlab()
    const at = this.#fill
    this.#fill += length
    this.#appended += length
    this.wake()
    return at
  }

  get slab(): Uint8Array {
    this.#slab ??= this.#options.pool.take()
    return this.#slab
  }

  /** Copies whole frames, or sends them as a message of their own if that is cheaper. */
  append(frames: Uint8Array): void {
    if (frames.length >= SLAB_BYTES / 4) {
      this.#sendSlab()
      this.#appended += frames.length
      this.#send(frames)
      return
    }
    const at = this.reserve(frames.length)
    this.slab.set(frames, at)
  }

  /** Sees to it that this turn ends with `compose` and a flush. */
  wake(): void {
    if (this.#woken) return
    this.#woken = true
    this.#options.clock.defer(() => this.turn())
  }

  turn(): void {
    if (this.#closed) return
    this.#woken = true
    this.#options.compose()
    this.#woken = false
    this.#sendSlab()
  }

  /** Nothing is sent from now on. */
  close(): void {
    this.#sendSlab()
    this.#closed = true
  }

  #sendSlab(): void {
    const slab = this.#slab
    if (slab === undefined || this.#fill === 0) return
    const message = slab.subarray(0, this.#fill)
    this.#slab = undefined
    this.#fill = 0
    this.#send(message, () => this.#options.pool.give(slab))
  }

  #send(message: Uint8Array, written?: () => void): void {
    if (this.#closed) return
    this.#link.send(message, written)
    if (this.#link.bufferedBytes > this.#options.maxQueuedBytes) this.#options.overflow()
  }
}
