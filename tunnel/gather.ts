import { copyOf } from './frames/bytes.ts'
import { SLAB_BYTES, SlabPool } from './outbox.ts'
import type { SocketPort } from './port.ts'

/** Chunks of this size are part of a stream of them. */
const BULK_BYTES = 8192
const LEAST_PIECE_BYTES = 4096
/** Less than this is copied out of its slab before it is written: it may have to wait there for long. */
const LEAST_IN_SLAB_BYTES = SLAB_BYTES / 4

/** For all sockets of the process: bulk goes on at once, so few slabs serve many. */
const POOL = new SlabPool(32)

/**
 * What is to be written to one socket. Chunks are copied together: one system call writes those of a
 * turn, the memory they came in is the tunnel's again at once, and a program that does not read costs
 * what waits for it and little more, however small the chunks are.
 */
export class Gather {
  readonly #socket: SocketPort
  readonly #written: (bytes: number) => void
  #full: Uint8Array[] = []
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
      if (this.#fill === this.#piece.length) this.#filled()
    }
    this.#wake()
  }

  /** Whole slabs for a program that reads; for another, as much as waits already. */
  #nextPiece(wanted: number): Uint8Array {
    const isBulk = wanted >= BULK_BYTES && !this.#isStalled
    const size = Math.max(LEAST_PIECE_BYTES, this.#waitingBytes, wanted)
    return isBulk || size >= SLAB_BYTES ? POOL.take() : Buffer.allocUnsafeSlow(size)
  }

  #filled(): void {
    this.#seal()
    if (this.#inFlight === 0) this.#flush()
  }

  #seal(): void {
    if (this.#piece === undefined) return
    this.#full.push(trimmed(this.#piece, this.#fill))
    this.#piece = undefined
    this.#fill = 0
  }

  #wake(): void {
    if (this.#isWoken || this.#isStalled) return
    this.#isWoken = true
    setImmediate(() => {
      this.#isWoken = false
      this.#isStalled = this.#inFlight > 0
      if (this.#isStalled) this.#seal()
      else this.#flush()
    })
  }

  #flush(): void {
    this.#seal()
    const pieces = this.#full
    if (pieces.length === 0) return
    this.#full = []
    this.#waitingBytes = 0
    this.#socket.cork()
    for (const piece of pieces) this.#write(piece)
    this.#socket.uncork()
  }

  #write(piece: Uint8Array): void {
    this.#inFlight += piece.length
    this.#socket.write(piece, (error) => {
      if (error) return
      this.#inFlight -= piece.length
      giveBack(piece)
      this.#written(piece.length)
      if (this.#inFlight > 0 || !this.#isStalled) return
      this.#isStalled = false
      this.#flush()
    })
  }
}

function trimmed(piece: Uint8Array, fill: number): Uint8Array {
  const used = piece.subarray(0, fill)
  if (piece.length < SLAB_BYTES || fill >= LEAST_IN_SLAB_BYTES) return used
  const copy = copyOf(used)
  POOL.give(piece)
  return copy
}

function giveBack({ buffer }: Uint8Array): void {
  if (buffer.byteLength === SLAB_BYTES) POOL.give(new Uint8Array(buffer))
}
