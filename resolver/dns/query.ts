import { type Message, readMessage } from './message.ts'
import { encodeLabels, readName } from './name.ts'
import { FLAG, HEADER_BYTES, type Question, u16 } from './question.ts'
import { plainOpt } from './reply.ts'

/** What is asked of other resolvers: no option of the asker's goes along (no cookie, no subnet). */
export interface Ask {
  readonly labels: readonly Uint8Array[]
  readonly type: number
  readonly class: number
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
}

/** Gives that many random octets. */
export type Random = (octets: number) => Uint8Array

export function askOf(question: Question): Ask {
  return {
    labels: readName(question.message, HEADER_BYTES)?.labels ?? [],
    type: question.type,
    class: question.class,
    dnssecOk: question.edns?.dnssecOk ?? false,
    checkingDisabled: (question.flags & FLAG.checkingDisabled) !== 0,
  }
}

/** Every field that changes an answer, as a key: for what is in flight, and for what is kept. */
export function keyOf(ask: Ask): string {
  // Only ASCII letters fold (RFC 4343 §3): other octets are not letters of any alphabet.
  const name = Buffer.from(encodeLabels(ask.labels).map((octet) => fold(octet))).toString('latin1')
  return `${ask.type} ${ask.class} ${+ask.dnssecOk}${+ask.checkingDisabled} ${name}`
}

/**
 * A query with a random id and randomly cased letters (draft-vixie-dnsext-dns0x20): what an answer
 * must repeat, on top of coming to a random port. One letter at least is a capital, so that a query
 * of ours that comes back to us is told from a program's.
 */
export function makeQuery(ask: Ask, random: Random): Buffer {
  const name = mixCase(encodeLabels(ask.labels), random)
  const query = Buffer.alloc(HEADER_BYTES + name.length + 4)
  query.set(random(2), 0)
  const checking = ask.checkingDisabled ? FLAG.checkingDisabled : 0
  query.writeUInt16BE(FLAG.recursionDesired | checking, 2)
  query.writeUInt16BE(1, 4)
  query.writeUInt16BE(1, 10)
  query.set(name, HEADER_BYTES)
  query.writeUInt16BE(ask.type, HEADER_BYTES + name.length)
  query.writeUInt16BE(ask.class, HEADER_BYTES + name.length + 2)
  return Buffer.concat([query, plainOpt(0, ask.dnssecOk)])
}

/**
 * What came back. `foreign`: not an answer to this query, or not even a message: the wait goes on.
 * `case-lost`: right but for the letters' case, so either forged or from a server that folds it:
 * asked again over TCP, where forging takes more.
 */
export type Checked =
  | { readonly kind: 'answer'; readonly message: Message }
  | { readonly kind: 'case-lost'; readonly message: Message }
  | { readonly kind: 'foreign' }

export function checkReply(query: Uint8Array, reply: Uint8Array): Checked {
  if (reply.length < HEADER_BYTES || u16(reply, 0) !== u16(query, 0)) return FOREIGN
  const flags = u16(reply, 2)
  if ((flags & FLAG.response) === 0 || ((flags >> 11) & 0xf) !== 0) return FOREIGN
  const message = readMessage(reply)
  if (message === undefined) return FOREIGN
  const asked = questionOf(query, query.length - OPT_BYTES)
  const repeated = questionOf(reply, message.questionEnd)
  if (Buffer.compare(asked, repeated) === 0) return { kind: 'answer', message }
  return isSameFolded(asked, repeated) ? { kind: 'case-lost', message } : FOREIGN
}

const OPT_BYTES = 11
const FOREIGN = { kind: 'foreign' } as const

const questionOf = (message: Uint8Array, end: number) => message.subarray(HEADER_BYTES, end)

/** The last four octets are type and class, where case means nothing and folding is wrong. */
function isSameFolded(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  return a.every((octet, i) => octet === b[i] || (i < a.length - 4 && fold(octet) === fold(b[i])))
}

const fold = (octet = 0) => (isCapital(octet) ? octet + 0x20 : octet)
const isCapital = (octet: number) => octet >= 0x41 && octet <= 0x5a
const isLetter = (octet: number) => isCapital(octet) || (octet >= 0x61 && octet <= 0x7a)

function mixCase(name: Uint8Array, random: Random): Uint8Array {
  const bits = random(name.length)
  // A length octet is under 64, below every letter, so the walk need not know labels.
  const mixed = name.map((octet, i) => (isLetter(octet) ? octet ^ ((bits[i] ?? 0) & 0x20) : octet))
  if (!mixed.some(isCapital)) {
    const first = mixed.findIndex(isLetter)
    if (first >= 0) mixed[first] = (mixed[first] ?? 0) & ~0x20
  }
  return mixed
}
