import { release } from '../release.ts'

/** Small frames are copied together: a message, or an object, for each would cost many times as much. */
const SMALL_BLOCK_BYTES = 512
const BLOCK_BYTES = 4096

/** Whole frames of one flow that lie one behind the other. */
export interface Frames {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** How far the flow was relayed with these. */
  readonly offset: number
}

/** A copy, whose free end later frames are put into. */
interface Block extends Frames {
  end: number
  offset: number
  after: Block | undefined
}

/** The frames of one direction of a flow that wait for their turn, in their order. */
export class Waiting {
  #first: Block | undefined
  #last: Block | undefined
  #bytes = 0

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes a copy: `frames` lie in memory that the link reads into again. */
  add(frames: Frames): void {
    this.#bytes += frames.end - frames.start
    if (this.#last === undefined || !extend(this.#last, frames)) this.#push(copyBlock(frames))
  }

  /** The frames whose turn it is; `release` must be called once they are sent or copied. */
  take(): { readonly frames: Uint8Array; readonly offset: number; release(): void } | undefined {
    const block = this.#first
    if (block === undefined) return undefined
    this.#first = block.after
    if (this.#first === undefined) this.#last = undefined
    const frames = block.bytes.subarray(block.start, block.end)
    this.#bytes -= frames.length
    return { frames, offset: block.offset, release: () => release(block.bytes) }
  }

  drop(): void {
    this.#first = this.#last = undefined
    this.#bytes = 0
  }

  #push(block: Block): void {
    if (this.#last === undefined) this.#first = block
    else this.#last.after = block
    this.#last = block
  }
}

/** Whether there was room behind the frames of the block. */
function extend(block: Block, { bytes, start, end, offset }: Frames): boolean {
  if (block.bytes.length - block.end < end - start) return false
  block.bytes.set(bytes.subarray(start, end), block.end)
  block.end += end - start
  block.offset = offset
  return true
}

function copyBlock({ bytes, start, end, offset }: Frames): Block {
  const length = end - start
  const least = length < SMALL_BLOCK_BYTES / 2 ? SMALL_BLOCK_BYTES : BLOCK_BYTES
  const copy = Buffer.allocUnsafeSlow(Math.max(length, least))
  copy.set(bytes.subarray(start, end))
  return { bytes: copy, start: 0, end: length, offset, after: undefined }
}
