import { release } from '../release.ts'

/** Small frames are copied together: a message, or an object, for each would cost many times as much. */
const SMALL_BLOCK_BYTES = 512
const BLOCK_BYTES = 4096
/** Frames of one turn: they are sent in one piece. */
const MOST_BLOCK_BYTES = 16_376

/** Whole frames of one flow that lie one behind the other. */
export interface Frames {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** How far the flow was relayed with these. */
  readonly offset: number
}

interface Block extends Frames {
  end: number
  offset: number
  /** A copy, whose free end later frames are put into. */
  readonly isOwn: boolean
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

  /**
   * Gives whether the memory of `frames` is kept. Only one that is little larger is: what waits must
   * not hold memory that nobody counts.
   */
  add(frames: Frames): boolean {
    const length = frames.end - frames.start
    this.#bytes += length
    if (this.#last !== undefined && extend(this.#last, frames)) return false
    if (length * 2 <= frames.bytes.buffer.byteLength) {
      this.#push(copyBlock(frames))
      return false
    }
    this.#push({ ...frames, isOwn: false, after: undefined })
    return true
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

/** They lie behind the frames of the block already, or fit behind them. */
function extend(block: Block, { bytes, start, end, offset }: Frames): boolean {
  if (block.isOwn && block.bytes.length - block.end >= end - start) {
    block.bytes.set(bytes.subarray(start, end), block.end)
    block.end += end - start
  } else if (isBehind(block, bytes, start) && end - block.start <= MOST_BLOCK_BYTES) {
    block.end = end
  } else return false
  block.offset = offset
  return true
}

const isBehind = (block: Block, bytes: Uint8Array, start: number): boolean =>
  !block.isOwn && block.bytes === bytes && block.end === start

function copyBlock({ bytes, start, end, offset }: Frames): Block {
  const length = end - start
  const least = length < SMALL_BLOCK_BYTES / 2 ? SMALL_BLOCK_BYTES : BLOCK_BYTES
  const copy = new Uint8Array(Math.max(length, least))
  copy.set(bytes.subarray(start, end))
  return { bytes: copy, start: 0, end: length, offset, isOwn: true, after: undefined }
}
