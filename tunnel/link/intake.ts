import type { Duplex } from 'node:stream'
import { readU16, readU32 } from '../frames/bytes.ts'
import { readInPlace } from './read-in-place.ts'

/** A final frame of binary data without an extension: RFC 6455 §5.2. */
const BINARY = 0x82
const FINAL_BIT = 0x80
const OPCODE_BITS = 0x0f
const CLOSE = 0x8
const MASK_BIT = 0x80
const LENGTH_BITS = 0x7f
const MASK_BYTES = 4
const LONGEST_HEADER_BYTES = 14
const NOTHING = -1

export interface IntakeOptions {
  readonly socket: Duplex
  /** Frames of the peer must have a mask: it is a client. */
  readonly isPeerMasked: boolean
  /** The longest frame that is taken past `ws`. */
  readonly maxBytes: number
  /** Bytes of a binary message, in order, however they were cut; only there during the call. */
  piece(bytes: Buffer): void
  /** Something was read, and is with whom it belongs to. */
  read(): void
}

/**
 * Stands between a socket and `ws` once the peer has proved itself. Plain binary frames, nearly all of
 * what comes, go past `ws` as they lie in the one buffer that everything is read into. Whatever else
 * there is (a mask, a fragment, a close, nonsense) is left to `ws`.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #toWs: (chunk: Buffer) => void
  readonly #header = new Uint8Array(LONGEST_HEADER_BYTES)
  #headerBytes = 0
  /** Bytes of the frame's body that have not come yet. */
  #left = 0
  #isOpen = false
  #isInPlace = false
  /** Where in the chunk that is being read the bytes for `ws` begin. */
  #leaveFrom = NOTHING
  #isOurs = false
  /** `ws` has the beginning of a message and waits for its other frames. */
  #isFragmented = false
  #isOver = false

  /** `ws` must be the only one that reads the socket, and have read nothing. */
  constructor(options: IntakeOptions) {
    const { socket } = options
    this.#options = options
    const [listener] = socket.listeners('data')
    this.#toWs = (chunk) => listener?.call(socket, chunk)
    socket.removeAllListeners('data')
    socket.on('data', this.#take)
  }

  /** Before, `ws` has everything. */
  open(): void {
    this.#isOpen = true
  }

  /** `ws` gave up: it wants nothing more. */
  stop(): void {
    this.#isOver = true
  }

  readonly #take = (chunk: Buffer): void => {
    // Not before something came: until then the socket may be between two owners.
    if (this.#isOpen) this.#isInPlace ||= readInPlace(this.#options.socket, this.#take)
    this.#leaveFrom = this.#left > 0 && !this.#isOurs ? 0 : NOTHING
    for (let at = 0; at < chunk.length && !this.#isOver; ) {
      at = this.#left > 0 ? this.#body(chunk, at) : this.#head(chunk, at)
    }
    this.#leave(chunk, chunk.length)
    this.#options.read()
  }

  #body(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    if (this.#isOurs) this.#options.piece(chunk.subarray(at, end))
    else if (this.#left === 0) this.#ended(chunk, end)
    return end
  }

  /** Nothing comes after a close (RFC 6455 §5.5.1). */
  #ended(chunk: Buffer, end: number): void {
    if (((this.#header[0] as number) & OPCODE_BITS) !== CLOSE) return
    this.#leave(chunk, end)
    this.stop()
  }

  /** What is for `ws` goes there in one piece: a copy, since `ws` may keep it. */
  #leave(chunk: Buffer, end: number): void {
    const from = this.#leaveFrom
    this.#leaveFrom = NOTHING
    if (from !== NOTHING && from < end && !this.#isOver) {
      this.#toWs(Buffer.from(chunk.subarray(from, end)))
    }
  }

  #head(chunk: Buffer, from: number): number {
    const before = this.#headerBytes
    for (let at = from; at < chunk.length; ) {
      this.#header[this.#headerBytes++] = chunk[at++] as number
      if (this.#headerBytes < this.#wholeHeaderBytes) continue
      this.#begin(chunk, from, before)
      if (this.#left === 0 && !this.#isOurs) this.#ended(chunk, at)
      return at
    }
    this.#leave(chunk, from)
    return chunk.length
  }

  /** A header is there, its first `before` bytes from earlier chunks, the others from `from` on. */
  #begin(chunk: Buffer, from: number, before: number): void {
    const header = this.#header.subarray(0, this.#headerBytes)
    this.#headerBytes = 0
    this.#left = bodyBytes(header)
    this.#isOurs = this.#isOpen && !this.#isFragmented && this.#isPlain(header)
    if (this.#isOurs) {
      this.#leave(chunk, from)
      return
    }
    const first = header[0] as number
    if ((first & OPCODE_BITS) < CLOSE) this.#isFragmented = (first & FINAL_BIT) === 0
    if (before > 0) this.#toWs(Buffer.from(header.subarray(0, before)))
    if (this.#leaveFrom === NOTHING) this.#leaveFrom = from
  }

  get #wholeHeaderBytes(): number {
    if (this.#headerBytes < 2) return 2
    const second = this.#header[1] as number
    return 2 + longBytes(second & LENGTH_BITS) + (second & MASK_BIT ? MASK_BYTES : 0)
  }

  #isPlain(header: Uint8Array): boolean {
    const { isPeerMasked, maxBytes } = this.#options
    const isMasked = ((header[1] as number) & MASK_BIT) !== 0
    if (header[0] !== BINARY || isMasked !== isPeerMasked || this.#left > maxBytes) return false
    return !isMasked || readU32(header, header.length - MASK_BYTES) === 0
  }
}

const longBytes = (length: number): number => (length === 127 ? 8 : length === 126 ? 2 : 0)

function bodyBytes(header: Uint8Array): number {
  const length = (header[1] as number) & LENGTH_BITS
  if (length === 126) return readU16(header, 2)
  if (length === 127) return readU32(header, 2) * 0x100000000 + readU32(header, 6)
  return length
}
