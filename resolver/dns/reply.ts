import { FLAG, HEADER_BYTES, type Question } from './question.ts'
import { TYPE } from './type.ts'

/** RFC 6891 §6.2.5 and DNS flag day 2020: a datagram of this size is never fragmented. */
const EDNS_UDP_BYTES = 1232
const PLAIN_UDP_BYTES = 512
const MAX_MESSAGE_BYTES = 65535
const MAX_EDE_TEXT_BYTES = 200

/** A record to send. `owner` in wire form, uncompressed; left out, it is the question's name. */
export interface WireRecord {
  readonly owner?: Uint8Array
  readonly type: number
  readonly ttl: number
  readonly data: Uint8Array
}

/** An answer that does not yet know its bytes. `ede` is left out where the asker has no EDNS. */
export interface Reply {
  readonly rcode: number
  readonly answers: readonly WireRecord[]
  readonly authority?: WireRecord
  readonly ede?: { readonly code: number; readonly text: string }
}

/** How large an answer may be: RFC 1035 §2.3.4 and RFC 6891 over UDP, RFC 1035 §4.2.2 over TCP. */
export function limitOf(question: Question, via: 'udp' | 'tcp'): number {
  if (via === 'tcp') return MAX_MESSAGE_BYTES
  if (question.edns === undefined) return PLAIN_UDP_BYTES
  return Math.min(EDNS_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, question.edns.udpBytes))
}

/** The message that answers `question`; over `limitBytes` just header, question and TC. */
export function encodeReply(question: Question, reply: Reply, limitBytes: number): Uint8Array {
  const opt = question.edns ? encodeOpt(question, reply) : NOTHING
  const size = question.end + recordsBytes(reply) + opt.length
  const cut = size > limitBytes
  const message = Buffer.allocUnsafe(cut ? question.end + opt.length : size)
  let at = writeHead(message, question, reply, cut)
  if (!cut) {
    for (const record of reply.answers) at = writeRecord(message, at, record)
    if (reply.authority) at = writeRecord(message, at, reply.authority)
  }
  message.set(opt, at)
  return message
}

/** An answer of a header alone, to a message that has no readable question. */
export function encodeError(query: Uint8Array, rcode: number, edns: boolean): Uint8Array {
  const opt = edns ? plainOpt(rcode, false) : NOTHING
  const message = Buffer.alloc(HEADER_BYTES + opt.length)
  message.set(query.subarray(0, 2))
  const kept = (((query[2] ?? 0) << 8) | (query[3] ?? 0)) & (0x7800 | FLAG.recursionDesired)
  message.writeUInt16BE(kept | FLAG.response | FLAG.recursionAvailable | (rcode & 0xf), 2)
  message.writeUInt16BE(edns ? 1 : 0, 10)
  message.set(opt, HEADER_BYTES)
  return message
}

/** An OPT record of our own, without options (RFC 6891 §6.1.2). */
export function plainOpt(rcode: number, dnssecOk: boolean): Uint8Array {
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(TYPE.OPT, 1)
  opt.writeUInt16BE(EDNS_UDP_BYTES, 3)
  opt[5] = rcode >> 4
  opt[7] = dnssecOk ? 0x80 : 0
  return opt
}

function writeHead(message: Buffer, question: Question, reply: Reply, cut: boolean): number {
  message.set(question.message.subarray(0, question.end))
  // AD is never set: what we make up is not signed, and we check no signature.
  const kept = question.flags & (FLAG.recursionDesired | FLAG.checkingDisabled)
  const set = FLAG.response | FLAG.recursionAvailable | (cut ? FLAG.truncated : 0)
  message.writeUInt16BE(kept | set | (reply.rcode & 0xf), 2)
  message.writeUInt16BE(cut ? 0 : reply.answers.length, 6)
  message.writeUInt16BE(!cut && reply.authority ? 1 : 0, 8)
  message.writeUInt16BE(question.edns ? 1 : 0, 10)
  return question.end
}

function recordsBytes(reply: Reply): number {
  let bytes = reply.authority ? recordBytes(reply.authority) : 0
  for (const record of reply.answers) bytes += recordBytes(record)
  return bytes
}

const recordBytes = (record: WireRecord) => (record.owner?.length ?? 2) + 10 + record.data.length

function writeRecord(message: Buffer, start: number, record: WireRecord): number {
  let at = start
  if (record.owner) {
    message.set(record.owner, at)
    at += record.owner.length
  } else {
    // A pointer to the question's name, so that its letters' case is kept here too.
    at = message.writeUInt16BE(0xc000 | HEADER_BYTES, at)
  }
  at = message.writeUInt16BE(record.type, at)
  at = message.writeUInt16BE(1, at)
  at = message.writeUInt32BE(record.ttl, at)
  at = message.writeUInt16BE(record.data.length, at)
  message.set(record.data, at)
  return at + record.data.length
}

function encodeOpt(question: Question, reply: Reply): Uint8Array {
  const plain = plainOpt(reply.rcode, question.edns?.dnssecOk ?? false)
  return reply.ede ? withError(plain, reply.ede.code, reply.ede.text) : plain
}

/** RFC 8914 §2: option 15, a code and a UTF-8 text for people. */
function withError(plain: Uint8Array, code: number, text: string): Uint8Array {
  const words = cutUtf8(text)
  const opt = Buffer.concat([plain, Buffer.alloc(6), words])
  opt.writeUInt16BE(6 + words.length, 9)
  opt.writeUInt16BE(15, 11)
  opt.writeUInt16BE(2 + words.length, 13)
  opt.writeUInt16BE(code, 15)
  return opt
}

function cutUtf8(text: string): Uint8Array {
  const words = Buffer.from(text)
  let end = Math.min(words.length, MAX_EDE_TEXT_BYTES)
  while (end < words.length && ((words[end] ?? 0) & 0xc0) === 0x80) end--
  return words.subarray(0, end)
}

const NOTHING = new Uint8Array(0)
