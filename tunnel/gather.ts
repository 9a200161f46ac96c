import type { SocketPort } from './port.ts'
import { release } from './release.ts'

/** Chunks of this size are part of a stream of them. */
const BULK_BYTES = 8192
const LEAST_PIECE_BYTES = 4096
const MOST_PIECE_BYTES = 65_536
/** So much is worth a system call in the middle of a turn, while it is in the cache. */
const FULL_BYTES = 131_072

/**
 * What is to be written to one socket. Chunks are copied together: one system call writes those of a
 * turn, the memory they came in is the tunnel's again at once, and a program that does not read costs
 * what waits for it and little more, however small the chunks are.
 */
export class Gather {
  readonly #socket: SocketPort
  readonly #written: (bytes: number) => void
  #full: Piece[] = []
  /** The piece that is being filled, and how far. */
  #piece: Uint8Array | undefined
  #fill = 0
  #waitingBytes = 0
  /** Given to the socket and not yet with the kernel. */
  #inFlight = 0
  #isWoken = false
  /** The program did not read what it was given in an earlier turn. */
  #isStalled = false

  /** `written`: so many bytes are with the kernel. */
  constructor(socket: SocketPort, written: (bytes: number) => void) {
    this.#socket = socket
    this.#written = written
  }

  /** Takes a copy. A keystroke does not wait for the end of the turn. */
  add(chunk: Uint8Array): void {
    const isIdle = this.#inFlight === 0 && this.#waitingBytes === 0
    if (isIdle && chunk.length < BULK_BYTES) this.#write(Buffer.from(chunk))
    else this.#copy(chunk)
  }

  end(): void {
    this.#flush()
    this.#socket.end()
  }

  #copy(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      this.#piece ??= this.#nextPiece(chunk.length - at)
      const part = chunk.subarray(at, at + this.#piece.length - this.#fill)
      this.#piece.set(part, this.#fill)
      this.#fill += part.length
      this.#waitingBytes += part.length
      at += part.length
      if (this.#fill === this.#piece.length) this.#seal()
    }
    if (this.#waitingBytes >= FULL_BYTES && this.#inFlight === 0) this.#flush()
    else this.#wake()
  }

  /** As much as waits already: few pieces, of which no more than half is empty. */
  #nextPiece(wanted: number): Uint8Array {
    const size = Math.max(LEAST_PIECE_BYTES, this.#waitingBytes, wanted)
    return Buffer.allocUnsafeSlow(Math.min(size, MOST_PIECE_BYTES))
  }

  #seal(): void {
    if (this.#piece === undefined) return
    this.#full.push({ bytes: this.#piece, fill: this.#fill })
    this.#piece = undefined
    this.#fill = 0
  }

  #wake(): void {
    if (this.#isWoken || this.#isStalled) return
    this.#isWoken = true
    setImmediate(() => {
      this.#isWoken = false
      this.#isStalled = this.#inFlight > 0
      if (!this.#isStalled) this.#flush()
    })
  }

  #flush(): void {
    this.#seal()
    const pieces = this.#full
    if (pieces.length === 0) return
    this.#full = []
    this.#waitingBytes = 0
    this.#socket.cork()
    for (const { bytes, fill } of pieces) this.#write(bytes.subarray(0, fill), bytes)
    this.#socket.uncork()
  }

  /** `memory` goes back at once, for the next piece to use while it is in the cache. */
  #write(bytes: Uint8Array, memory = bytes): void {
    const { length } = bytes
    this.#inFlight += length
    this.#socket.write(bytes, (error) => {
      if (error) return
      this.#inFlight -= length
      release(memory)
      this.#written(length)
      if (this.#inFlight > 0 || !this.#isStalled) return
      this.#isStalled = false
      this.#flush()
    })
  }
}

interface Piece {
  readonly bytes: Uint8Array
  readonly fill: number
}
