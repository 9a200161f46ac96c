import { MAX_NAME_BYTES } from './name.ts'
import { RCODE, TYPE } from './type.ts'

export const HEADER_BYTES = 12

/** The header's flag bits (RFC 1035 §4.1.1; AD and CD: RFC 4035 §3.1.6, §3.2.2). */
export const FLAG = {
  response: 0x8000,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authentic: 0x0020,
  checkingDisabled: 0x0010,
} as const

/** What EDNS(0) said (RFC 6891): the largest UDP answer the asker takes, and its DO bit. */
export interface Edns {
  readonly udpBytes: number
  readonly dnssecOk: boolean
}

/** One question, its bytes still where they were: the answer repeats them as they came (0x20). */
export interface Question {
  readonly message: Uint8Array
  readonly id: number
  readonly flags: number
  /** Offset after the name, which begins after the header and is not compressed. */
  readonly nameEnd: number
  readonly type: number
  readonly class: number
  /** Offset after the question section. */
  readonly end: number
  readonly edns: Edns | undefined
}

/** `error`: answered with just a header. `silence`: a response, or too short for an id. */
export type QuestionRead =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'error'; readonly rcode: number; readonly edns: boolean }
  | { readonly kind: 'silence' }

/** Walks a query message octet by octet; whatever bytes come in, one of the three comes out. */
export function readQuestion(message: Uint8Array): QuestionRead {
  if (message.length < HEADER_BYTES) return SILENCE
  const flags = u16(message, 2)
  // Answering answers is how two resolvers keep each other busy for ever.
  if ((flags & FLAG.response) !== 0) return SILENCE
  if (((flags >> 11) & 0xf) !== 0) return NOTIMP
  if (u16(message, 4) !== 1 || u16(message, 6) !== 0 || u16(message, 8) !== 0) return FORMERR
  return readBody(message, flags)
}

function readBody(message: Uint8Array, flags: number): QuestionRead {
  const nameEnd = skipLabels(message)
  const end = nameEnd + 4
  if (nameEnd < 0 || end > message.length) return FORMERR
  const tail = readAdditional(message, end, u16(message, 10))
  if (tail.kind !== 'additional') return tail
  const question: Question = {
    message,
    id: u16(message, 0),
    flags,
    nameEnd,
    type: u16(message, nameEnd),
    class: u16(message, nameEnd + 2),
    end,
    edns: tail.edns,
  }
  return { kind: 'question', question }
}

/** A question has nothing before it that a pointer could mean, so any pointer is malformed. */
function skipLabels(message: Uint8Array): number {
  let at = HEADER_BYTES
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return -1
    at += length + 1
    if (at > message.length || at - HEADER_BYTES > MAX_NAME_BYTES) return -1
    if (length === 0) return at
  }
}

type Additional = { readonly kind: 'additional'; readonly edns: Edns | undefined }

/** Only OPT means something here; a signature (TSIG, SIG(0)) is walked over. */
function readAdditional(message: Uint8Array, start: number, count: number) {
  let at = start
  let edns: Edns | undefined
  for (let i = 0; i < count; i++) {
    const fixed = skipOwner(message, at)
    if (fixed < 0 || fixed + 10 > message.length) return FORMERR
    const end = fixed + 10 + u16(message, fixed + 8)
    if (end > message.length) return FORMERR
    if (u16(message, fixed) === TYPE.OPT) {
      // RFC 6891 §6.1.1: one OPT at most, owned by the root.
      if (edns || fixed !== at + 1 || !areOptions(message, fixed + 10, end)) return FORMERR
      if (message[fixed + 5] !== 0) return BADVERS
      edns = { udpBytes: u16(message, fixed + 2), dnssecOk: ((message[fixed + 6] ?? 0) & 0x80) > 0 }
    }
    at = end
  }
  return at === message.length ? ({ kind: 'additional', edns } satisfies Additional) : FORMERR
}

/** An owner in the additional section: plain labels, or ending in a pointer into the question. */
function skipOwner(message: Uint8Array, start: number): number {
  for (let at = start; ; ) {
    const length = message[at]
    if (length === undefined) return -1
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > 63 || at - start > MAX_NAME_BYTES) return -1
    at += length + 1
  }
}

function areOptions(message: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at + 4 <= end) at += 4 + u16(message, at + 2)
  return at === end
}

export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2)
}

const SILENCE = { kind: 'silence' } as const
const FORMERR = { kind: 'error', rcode: RCODE.FORMERR, edns: false } as const
const NOTIMP = { kind: 'error', rcode: RCODE.NOTIMP, edns: false } as const
const BADVERS = { kind: 'error', rcode: RCODE.BADVERS, edns: true } as const
