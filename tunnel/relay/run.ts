import { copyOf, writeU32 } from '../frames/bytes.ts'
import { HEADER_BYTES } from '../frames/frame.ts'
import type { Leg, LegTunnel } from './leg.ts'

/**
 * Frames that lie one behind the other in a message and go to the same tunnel: they are passed on in
 * one piece, with their stream ids rewritten where they lie.
 */
export class Run {
  #target: LegTunnel | undefined
  #bytes: Uint8Array = NONE
  #start = 0
  #end = 0

  /** The whole frame whose payload is `bytes[start..end)`; gives its end within the run. */
  add(to: Leg, bytes: Uint8Array, start: number, end: number): number {
    const from = start - HEADER_BYTES
    writeU32(bytes, from + 4, to.stream)
    if (to.tunnel !== this.#target || bytes !== this.#bytes || from !== this.#end) {
      this.flush()
      this.#target = to.tunnel
      this.#bytes = bytes
      this.#start = from
    }
    this.#end = end
    return end - this.#start
  }

  /** Bytes for `tunnel` that are not in its outbox yet. */
  aheadOf(tunnel: LegTunnel): number {
    return tunnel === this.#target ? this.#end - this.#start : 0
  }

  /** Before anything else is said to a tunnel, or the order would change. */
  flush(): void {
    const target = this.#target
    if (target === undefined) return
    this.#target = undefined
    const frames = this.#bytes.subarray(this.#start, this.#end)
    this.#bytes = NONE
    // A large one would be kept as it is, and what was read is only lent.
    target.outbox.append(frames.length > target.outbox.maxBytes ? copyOf(frames) : frames)
  }
}

const NONE = new Uint8Array(0)
