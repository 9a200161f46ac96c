import { readU16, writeU16 } from '../../../tunnel/frames/bytes.ts'

/** RFC 6455 §5.2, as a client writes it: the mask is there and zero. */
export function wsFrame(payload: Uint8Array, { opcode = 2, fin = true } = {}): Uint8Array {
  const long = payload.length > 125
  const frame = Buffer.alloc((long ? 8 : 6) + payload.length)
  frame[0] = (fin ? 0x80 : 0) | opcode
  frame[1] = 0x80 | (long ? 126 : payload.length)
  if (payload.length > 0xffff) throw new RangeError('a longer header is not needed here')
  if (long) writeU16(frame, 2, payload.length)
  frame.set(payload, frame.length - payload.length)
  return frame
}

/** One message of as many fragments as it has bytes. */
export function wsFragments(payload: Uint8Array): Uint8Array {
  const last = payload.length - 1
  const parts = Array.from(payload, (_, at) =>
    wsFrame(payload.subarray(at, at + 1), { opcode: at === 0 ? 2 : 0, fin: at === last }),
  )
  return Buffer.concat(parts)
}

export const WS_PING = 9
export const WS_PONG = 10

/** `frame` so often that it fills about `bytes`. */
export function filledWith(frame: Uint8Array, bytes: number): Uint8Array {
  return Buffer.concat(Array.from({ length: Math.ceil(bytes / frame.length) }, () => frame))
}

/** Frames in messages that an honest end might have cut. */
export function messagesOf(frames: readonly Uint8Array[], messageBytes = 16_000): Uint8Array {
  const messages: Uint8Array[] = []
  let some: Uint8Array[] = []
  let length = 0
  const cut = () => {
    if (some.length > 0) messages.push(wsFrame(Buffer.concat(some)))
    some = []
    length = 0
  }
  for (const frame of frames) {
    if (length + frame.length > messageBytes) cut()
    some.push(frame)
    length += frame.length
  }
  cut()
  return Buffer.concat(messages)
}

/** What the messages of such bytes hold. */
export function payloadsOf(bytes: Uint8Array = new Uint8Array(0)): Uint8Array[] {
  const payloads: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const short = (bytes[at + 1] as number) & 0x7f
    const start = at + (short === 126 ? 8 : 6)
    const length = short === 126 ? readU16(bytes, at + 2) : short
    payloads.push(bytes.subarray(start, start + length))
    at = start + length
  }
  return payloads
}
