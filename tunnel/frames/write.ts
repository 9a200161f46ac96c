import { numberOfCode, type ResetCode } from '../codes.ts'
import { textBytes, writeOffset, writeU16, writeU24, writeU32 } from './bytes.ts'
import { HEADER_BYTES, MAX_REASON_BYTES, TYPE } from './frame.ts'

/** Writes a header; the caller writes `length` bytes behind it. */
export function putHeader(
  bytes: Uint8Array,
  at: number,
  type: number,
  length: number,
  stream: number,
): void {
  bytes[at] = type
  writeU24(bytes, at + 1, length)
  writeU32(bytes, at + 4, stream)
}

/** A whole frame with `length` bytes of payload, which the caller must fill: they are not zero. */
export function makeFrame(type: number, stream: number, length: number): Uint8Array {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length)
  putHeader(frame, 0, type, length, stream)
  return frame
}

export function bodyFrame(type: number, stream: number, body: Uint8Array): Uint8Array {
  const frame = makeFrame(type, stream, body.length)
  frame.set(body, HEADER_BYTES)
  return frame
}

export const CREDIT_FRAME_BYTES = HEADER_BYTES + 16
export const FIN_FRAME_BYTES = HEADER_BYTES + 8

export function putCredit(
  bytes: Uint8Array,
  at: number,
  stream: number,
  received: number,
  limit: number,
): void {
  putHeader(bytes, at, TYPE.CREDIT, 16, stream)
  writeOffset(bytes, at + HEADER_BYTES, received)
  writeOffset(bytes, at + HEADER_BYTES + 8, limit)
}

export function putFin(bytes: Uint8Array, at: number, stream: number, offset: number): void {
  putHeader(bytes, at, TYPE.FIN, 8, stream)
  writeOffset(bytes, at + HEADER_BYTES, offset)
}

export function finFrame(stream: number, offset: number): Uint8Array {
  const frame = makeFrame(TYPE.FIN, stream, 8)
  writeOffset(frame, HEADER_BYTES, offset)
  return frame
}

/** PING or PONG: `token` is eight bytes that the answer repeats. */
export function pingFrame(type: number, token: number): Uint8Array {
  const frame = makeFrame(type, 0, 8)
  writeOffset(frame, HEADER_BYTES, token)
  return frame
}

export function receivedFrame(total: number): Uint8Array {
  const frame = makeFrame(TYPE.RECEIVED, 0, 8)
  writeOffset(frame, HEADER_BYTES, total)
  return frame
}

export function resetFrame(stream: number, code: ResetCode, reason: string): Uint8Array {
  return codeFrame(TYPE.RESET, stream, 0, code, reason)
}

export function detachedFrame(stream: number, code: ResetCode, reason: string): Uint8Array {
  return codeFrame(TYPE.DETACHED, stream, 0, code, reason)
}

export interface GoAway {
  /** The last stream that the sender has taken or will take. */
  readonly lastStream: number
  /** Over how long the receiver should spread its moving away. */
  readonly spreadMs: number
  readonly code: ResetCode
  readonly reason: string
}

export function goAwayFrame(goAway: GoAway): Uint8Array {
  const frame = codeFrame(TYPE.GOAWAY, 0, 8, goAway.code, goAway.reason)
  writeU32(frame, HEADER_BYTES, goAway.lastStream)
  writeU32(frame, HEADER_BYTES + 4, goAway.spreadMs)
  return frame
}

/** `before` free bytes, the code, and the reason up to the end of the frame. */
function codeFrame(
  type: number,
  stream: number,
  before: number,
  code: ResetCode,
  reason: string,
): Uint8Array {
  const text = textBytes(reason, MAX_REASON_BYTES)
  const frame = makeFrame(type, stream, before + 2 + text.length)
  writeU16(frame, HEADER_BYTES + before, numberOfCode(code))
  frame.set(text, HEADER_BYTES + before + 2)
  return frame
}
