/** Flags of a netlink message (linux/netlink.h). */
export const FLAG = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
} as const

/** A message as read: whole bytes with the header; `errno` is set for an answer (0 = done well). */
export interface NetlinkMessage {
  readonly type: number
  readonly sequence: number
  readonly bytes: Buffer
  readonly errno: number
}

const HEADER_BYTES = 16
const TYPE_ERROR = 2
const TYPE_DONE = 3
const NESTED = 0x8000

/** One message: u32 length, u16 type, u16 flags, u32 sequence (filled by the socket), u32 port 0. */
export function encodeMessage(type: number, flags: number, ...parts: Uint8Array[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_BYTES)
  header.writeUInt32LE(length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  return padded([header, ...parts], length)
}

/** One attribute: u16 length, u16 type, the value, zeros to a multiple of four. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt16LE(4 + value.length, 0)
  header.writeUInt16LE(type, 2)
  return padded([header, value], 4 + value.length)
}

/** An attribute that holds attributes. */
export function nested(type: number, ...inner: Uint8Array[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(inner))
}

/** The messages of one received datagram; a broken length ends the walk. */
export function readMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER_BYTES || at + length > datagram.length) break
    messages.push(readOne(datagram.subarray(at, at + length)))
    at += align(length)
  }
  return messages
}

/** Whether a message ends a request, well or badly, and is no content. */
export function isAnswer(message: NetlinkMessage): boolean {
  return message.type === TYPE_ERROR || message.type === TYPE_DONE
}

/** A copy of the messages, numbered from `first`; `last` is the number of the last one. */
export function withSequence(messages: Uint8Array, first: number): { bytes: Buffer; last: number } {
  const bytes = Buffer.from(messages)
  let sequence = first
  for (let at = 0; at + HEADER_BYTES <= bytes.length; sequence++) {
    bytes.writeUInt32LE(sequence, at + 8)
    at += align(Math.max(bytes.readUInt32LE(at), HEADER_BYTES))
  }
  return { bytes, last: sequence - 1 }
}

function readOne(bytes: Buffer): NetlinkMessage {
  const type = bytes.readUInt16LE(4)
  const hasCode = (type === TYPE_ERROR || type === TYPE_DONE) && bytes.length >= HEADER_BYTES + 4
  const errno = hasCode ? Math.max(0, -bytes.readInt32LE(HEADER_BYTES)) : 0
  return { type, sequence: bytes.readUInt32LE(8), bytes, errno }
}

const align = (length: number) => (length + 3) & ~3

function padded(parts: Uint8Array[], length: number): Buffer {
  return Buffer.concat(parts, align(length))
}
