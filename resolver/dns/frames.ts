import { u16 } from './question.ts'

/**
 * Cuts a TCP stream into DNS messages by their two length octets (RFC 1035 §4.2.2), however the
 * stream was split. Holds one unfinished message, `maxBytes` at most.
 */
export class FrameReader {
  readonly #maxBytes: number
  #held: Uint8Array = new Uint8Array(0)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The messages that are now whole; `undefined` once a length is zero or over the bound. */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const messages: Uint8Array[] = []
    let at = 0
    while (at + 2 <= bytes.length) {
      const length = u16(bytes, at)
      if (length === 0 || length > this.#maxBytes) return undefined
      if (at + 2 + length > bytes.length) break
      messages.push(bytes.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
    // A copy, or a few octets would pin the whole chunk that they came in.
    this.#held = bytes.slice(at)
    return messages
  }

  get isBetweenMessages(): boolean {
    return this.#held.length === 0
  }
}

/** One message with its length before it, in one piece (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(message.length + 2)
  framed.writeUInt16BE(message.length, 0)
  framed.set(message, 2)
  return framed
}
