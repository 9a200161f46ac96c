import { TunnelError } from '../codes.ts'
import { SMALL_BYTES } from '../limits.ts'
import { readU24, readU32 } from './bytes.ts'
import { type FrameRule, HEADER_BYTES, MAX_CONTROL_BYTES, OPTIONAL_BIT, ruleOf } from './frame.ts'

/** A whole frame lies at `bytes[start - HEADER_BYTES .. end)`; its payload at `bytes[start .. end)`. */
export type FrameSink = (
  type: number,
  stream: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void

/**
 * Finds the frames in a byte stream, however it is cut. Sizes are checked as soon as a header is
 * there, so nothing is kept for a frame that is too long. Frames that lie whole in a chunk are handed
 * on without a copy, others in memory that is used again after the push; unknown optional frames are
 * skipped.
 */
export class Decoder {
  readonly #sink: FrameSink
  readonly #maxFrameBytes: number
  #held = EMPTY
  /** For the next frame that comes in parts: that of this push may be in use until its end. */
  #spare = EMPTY
  #heldBytes = 0
  #small = 0

  /** `maxFrameBytes` bounds every frame with its header, whatever its type. */
  constructor(sink: FrameSink, maxFrameBytes = HEADER_BYTES + MAX_CONTROL_BYTES) {
    this.#sink = sink
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes of a frame whose end has not come yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** How many frames below `SMALL_BYTES` came since this was last asked, those that are skipped too. */
  takeSmall(): number {
    const small = this.#small
    this.#small = 0
    return small
  }

  /** @throws TunnelError; the decoder must not be used afterwards */
  push(chunk: Uint8Array): void {
    let at = this.#heldBytes > 0 ? this.#finishHeld(chunk) : 0
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + this.#frameBytes(chunk, at)
      if (end > chunk.length) break
      this.#deliver(chunk, at, end)
      at = end
    }
    if (at < chunk.length) this.#hold(chunk, at)
  }

  /** Fills up the held frame from `chunk`; gives how much of the chunk that took. */
  #finishHeld(chunk: Uint8Array): number {
    let at = 0
    if (this.#heldBytes < HEADER_BYTES) at = this.#fill(chunk, at, HEADER_BYTES)
    if (this.#heldBytes < HEADER_BYTES) return at
    const frameBytes = this.#frameBytes(this.#held, 0)
    if (this.#held.length < frameBytes) this.#grow(frameBytes)
    at = this.#fill(chunk, at, frameBytes)
    if (this.#heldBytes < frameBytes) return at
    const frame = this.#held
    this.#held = this.#spare
    this.#spare = frame.length > KEPT_BYTES ? EMPTY : frame
    this.#heldBytes = 0
    this.#deliver(frame, 0, frameBytes)
    return at
  }

  #hold(chunk: Uint8Array, at: number): void {
    if (this.#heldBytes > 0) return
    const left = chunk.length - at
    const size = left < HEADER_BYTES ? HEADER_BYTES : this.#frameBytes(chunk, at)
    if (this.#held.length < size) this.#held = new Uint8Array(size)
    this.#held.set(chunk.subarray(at))
    this.#heldBytes = left
  }

  #fill(chunk: Uint8Array, at: number, upTo: number): number {
    const taken = Math.min(upTo - this.#heldBytes, chunk.length - at)
    this.#held.set(chunk.subarray(at, at + taken), this.#heldBytes)
    this.#heldBytes += taken
    return at + taken
  }

  #grow(size: number): void {
    const larger = new Uint8Array(size)
    larger.set(this.#held.subarray(0, this.#heldBytes))
    this.#held = larger
  }

  /** Header and payload together, after every check that the header allows. */
  #frameBytes(bytes: Uint8Array, at: number): number {
    const type = bytes[at] as number
    const length = readU24(bytes, at + 1)
    const rule = ruleOf(type)
    if (rule === undefined) checkUnknown(type, length)
    else checkKnown(rule, length, readU32(bytes, at + 4))
    const size = HEADER_BYTES + length
    if (size > this.#maxFrameBytes) throw tooLong(type, length)
    return size
  }

  #deliver(bytes: Uint8Array, at: number, end: number): void {
    const type = bytes[at] as number
    if (end - at < HEADER_BYTES + SMALL_BYTES) this.#small += 1
    if (ruleOf(type) === undefined) return
    this.#sink(type, readU32(bytes, at + 4), bytes, at + HEADER_BYTES, end)
  }
}

/** A whole frame of data. */
const KEPT_BYTES = HEADER_BYTES + 16_384
const EMPTY = new Uint8Array(0)

function checkKnown(rule: FrameRule, length: number, stream: number): void {
  if (length > rule.maxBytes) throw tooLong(rule.name, length)
  if (length < rule.minBytes) {
    throw new TunnelError('protocol-error', `${rule.name} is too short`, { length })
  }
  if ((rule.scope === 'tunnel') !== (stream === 0)) {
    throw new TunnelError('protocol-error', `${rule.name} is on the wrong stream`, { stream })
  }
}

function checkUnknown(type: number, length: number): void {
  if ((type & OPTIONAL_BIT) === 0) {
    throw new TunnelError('unsupported', 'a required frame of an unknown type', { type })
  }
  if (length > MAX_CONTROL_BYTES) throw tooLong(type, length)
}

function tooLong(type: number | string, length: number): TunnelError {
  return new TunnelError('protocol-error', `frame ${type} is too long`, { length })
}
