import { TunnelError } from '../codes.ts'

/** Chunks below this are copied, or a keystroke would keep the whole slab that it lies in. */
export const COPY_BELOW_BYTES = 4096
const SMALL_BLOCK_BYTES = 512
/** Receivers grant in steps of 4 KiB at least. */
const LEAST_SEND_BYTES = 1024

/** A chunk that is not acknowledged. What lies in `bytes` beyond `used` is room for small ones. */
interface Kept {
  readonly bytes: Uint8Array
  used: number
  readonly free: (() => void) | undefined
  after: Kept | undefined
}

/**
 * The sending half of a flow (SPEC.md §5): what was written stays here until it is acknowledged, so
 * that it can be sent again. FIN occupies the offset after the last byte.
 */
export class Sending {
  #first: Kept | undefined
  #last: Kept | undefined
  /** Offset of the first byte of `#first`. */
  #firstOffset = 0
  /** Where the next byte to send lies; undefined when all is sent. */
  #cursor: Kept | undefined
  #cursorAt = 0
  #acknowledged = 0
  #next = 0
  #end = 0
  #limit: number
  #ended = false
  #finSent = false
  #isRewound = false
  #isHurried = false

  /** `limit`: how far may be sent before the first CREDIT. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes written so far. */
  get endOffset(): number {
    return this.#end
  }

  get unsentBytes(): number {
    return this.#end - this.#next
  }

  /**
   * Bytes that are there and covered by credit; none while the credit is for a few of them only, or a
   * peer that grants byte by byte would get as many frames (RFC 1122 §4.2.3.4).
   */
  get sendableBytes(): number {
    const bytes = this.#coveredBytes
    const isWorthIt = bytes >= LEAST_SEND_BYTES || bytes === this.unsentBytes || this.#isHurried
    return isWorthIt ? bytes : 0
  }

  /** It has waited long enough: the next turn sends what little the credit covers. @returns whether there is any */
  hurry(): boolean {
    this.#isHurried = this.#coveredBytes > 0
    return this.#isHurried
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /** Where the next byte to send lies. */
  get nextOffset(): number {
    return this.#next
  }

  /** The next bytes are the first after a rewind: they must say where they lie. */
  get isRewound(): boolean {
    return this.#isRewound
  }

  /** FIN needs no credit. */
  get isFinDue(): boolean {
    return this.#ended && !this.#finSent && this.#next === this.#end
  }

  get isWaitingForAck(): boolean {
    return this.#acknowledged < this.#sentOffset
  }

  /** Every byte and FIN are acknowledged. */
  get isDone(): boolean {
    return this.#finSent && this.#acknowledged === this.#sentOffset
  }

  /** `free` is called when `chunk` is not needed any more. */
  write(chunk: Uint8Array, free?: () => void): void {
    if (chunk.length === 0) return
    this.#end += chunk.length
    if (chunk.length >= COPY_BELOW_BYTES) this.#keep(chunk, chunk.length, free)
    else this.#keepCopy(chunk)
  }

  finish(): void {
    this.#ended = true
  }

  finSent(): void {
    this.#finSent = true
  }

  /** Copies the next `length` bytes (at most `sendableBytes`) to `target` and counts them as sent. */
  take(target: Uint8Array, at: number, length: number): void {
    this.#isRewound = false
    this.#isHurried = false
    this.#next += length
    let to = at
    const end = at + length
    while (to < end && this.#cursor !== undefined) {
      const { bytes, used } = this.#cursor
      const part = Math.min(end - to, used - this.#cursorAt)
      target.set(bytes.subarray(this.#cursorAt, this.#cursorAt + part), to)
      to += part
      this.#cursorAt += part
      if (this.#cursorAt === used && !this.#stepOn()) break
    }
  }

  /** @throws TunnelError `protocol-error` for an acknowledgement of what was never sent */
  credit(received: number, limit: number): void {
    if (received > this.#sentOffset) {
      throw new TunnelError('protocol-error', 'CREDIT acknowledges what was not sent')
    }
    if (limit > this.#limit) this.#limit = limit
    if (received <= this.#acknowledged) return
    this.#acknowledged = received
    this.#forget()
  }

  /**
   * The flow goes on over another tunnel: everything from `received` on is sent again, up to a limit
   * that may be lower than before (SPEC.md §7.3).
   * @throws TunnelError `protocol-error` when the other end wants what was acknowledged, or never sent
   */
  rewind(received: number, limit: number): void {
    if (received < this.#acknowledged || received > this.#sentOffset) {
      throw new TunnelError('protocol-error', 'the other end resumes at a place that is not kept')
    }
    this.#acknowledged = received
    this.#forget()
    this.#finSent = received > this.#end
    this.#next = Math.min(received, this.#end)
    this.#limit = limit
    this.#isRewound = true
    this.#seek()
  }

  /** Nothing of it is wanted any more. */
  drop(): void {
    this.#first = undefined
    this.#last = undefined
    this.#cursor = undefined
    this.#next = this.#end
  }

  get #coveredBytes(): number {
    return Math.min(this.#end, this.#limit) - this.#next
  }

  get #sentOffset(): number {
    return this.#next + (this.#finSent ? 1 : 0)
  }

  #keep(bytes: Uint8Array, used: number, free?: () => void): void {
    const kept: Kept = { bytes, used, free, after: undefined }
    if (this.#last === undefined) this.#first = kept
    else this.#last.after = kept
    this.#last = kept
    if (this.#cursor === undefined) {
      this.#cursor = kept
      this.#cursorAt = 0
    }
  }

  #keepCopy(chunk: Uint8Array): void {
    const last = this.#last
    if (last !== undefined && last.bytes.length - last.used >= chunk.length) {
      last.bytes.set(chunk, last.used)
      last.used += chunk.length
      return
    }
    // One that goes on sending before it hears back is no keystroke.
    const isOnly = last === undefined && chunk.length <= SMALL_BLOCK_BYTES
    const size = isOnly ? SMALL_BLOCK_BYTES : COPY_BELOW_BYTES
    const bytes = Buffer.allocUnsafeSlow(size)
    bytes.set(chunk)
    this.#keep(bytes, chunk.length)
  }

  /** Puts the cursor under the next byte; the first chunk holds the last acknowledged one. */
  #seek(): void {
    let from = this.#firstOffset
    this.#cursor = this.#first
    while (this.#cursor?.after !== undefined && from + this.#cursor.used <= this.#next) {
      from += this.#cursor.used
      this.#cursor = this.#cursor.after
    }
    this.#cursorAt = this.#next - from
  }

  /** To the next chunk. The last one stays under the cursor: small chunks may still be put into it. */
  #stepOn(): boolean {
    const after = this.#cursor?.after
    if (after === undefined) return false
    this.#cursor = after
    this.#cursorAt = 0
    return true
  }

  #forget(): void {
    const upTo = Math.min(this.#acknowledged, this.#next)
    while (this.#first !== undefined && this.#firstOffset + this.#first.used <= upTo) {
      this.#firstOffset += this.#first.used
      if (this.#cursor === this.#first) {
        this.#cursor = this.#first.after
        this.#cursorAt = 0
      }
      this.#first.free?.()
      this.#first = this.#first.after
    }
    if (this.#first === undefined) this.#last = undefined
  }
}
