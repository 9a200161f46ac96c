import type { Message, RecordAt } from '../dns/message.ts'
import { FLAG, type Question, u16 } from '../dns/question.ts'
import { plainOpt } from '../dns/reply.ts'
import { CLASS_IN, RCODE, TYPE } from '../dns/type.ts'

/**
 * Another resolver's answer as the answer to `question`: its records as they came, with the asker's
 * id and letters' case, TTLs `ageSeconds` less, and an OPT of our own. Over `limitBytes` just
 * header, question and TC.
 */
export function encodeForwarded(
  question: Question,
  message: Message,
  ageSeconds: number,
  limitBytes: number,
): Uint8Array {
  const rcode = question.edns || message.rcode < 16 ? message.rcode : RCODE.SERVFAIL
  const opt = question.edns ? plainOpt(rcode, question.edns.dnssecOk) : Buffer.alloc(0)
  const cut = message.end + opt.length > limitBytes
  const end = cut ? question.end : message.end
  const bytes = Buffer.concat([message.bytes.subarray(0, end), opt])
  // Same octets but for case, so every pointer into the question still means what it meant.
  bytes.set(question.message.subarray(0, question.end))
  // AD is dropped: this resolver checks no signature and vouches for none.
  const kept = question.flags & (FLAG.recursionDesired | FLAG.checkingDisabled)
  const set = FLAG.response | FLAG.recursionAvailable | (cut ? FLAG.truncated : 0)
  bytes.writeUInt16BE(kept | set | (rcode & 0xf), 2)
  bytes.writeUInt16BE(cut ? 0 : message.answers.length, 6)
  bytes.writeUInt16BE(cut ? 0 : message.authority.length, 8)
  bytes.writeUInt16BE((cut ? 0 : message.additional.length) + (opt.length > 0 ? 1 : 0), 10)
  if (!cut) ageRecords(bytes, message, ageSeconds)
  return bytes
}

/**
 * Whether an answer would send a program to an address that only we give out. From another resolver
 * that is DNS rebinding: a page of the outside would reach a private app under its own origin.
 */
export function pointsInto(message: Message, holds: (address: Uint8Array) => boolean): boolean {
  return [...message.answers, ...message.additional].some((record) =>
    addressesOf(message.bytes, record).some((address) => holds(unmapped(address))),
  )
}

function ageRecords(bytes: Buffer, message: Message, ageSeconds: number): void {
  for (const records of [message.answers, message.authority, message.additional]) {
    for (const { ttl, ttlAt } of records) {
      // RFC 2181 §8: with the top bit set it means zero.
      const left = ttl > 0x7fffffff ? 0 : Math.max(0, ttl - ageSeconds)
      bytes.writeUInt32BE(left, ttlAt)
    }
  }
}

function addressesOf(bytes: Uint8Array, record: RecordAt): Uint8Array[] {
  if (record.class !== CLASS_IN) return []
  const data = bytes.subarray(record.dataAt, record.dataAt + record.dataBytes)
  switch (record.type) {
    case TYPE.A:
    case TYPE.AAAA:
      return [data]
    case TYPE.HTTPS:
    case TYPE.SVCB:
      return hintsOf(data)
    default:
      return []
  }
}

/** The ipv4hint (4) and ipv6hint (6) of RFC 9460 §7.3; whatever is malformed has none. */
function hintsOf(data: Uint8Array): Uint8Array[] {
  const hints: Uint8Array[] = []
  let at = 2
  // The target name is never compressed (RFC 9460 §2.2).
  while (at < data.length && data[at] !== 0) at += (data[at] ?? 0) + 1
  for (at++; at + 4 <= data.length; at += 4 + u16(data, at + 2)) {
    const octets = { 4: 4, 6: 16 }[u16(data, at)]
    const value = data.subarray(at + 4, at + 4 + u16(data, at + 2))
    for (let i = 0; octets !== undefined && i < value.length; i += octets) {
      hints.push(value.subarray(i, i + octets))
    }
  }
  return hints
}

/** `::ffff:a.b.c.d` connects to a.b.c.d. */
function unmapped(address: Uint8Array): Uint8Array {
  const isMapped =
    address.length === 16 && address.subarray(0, 12).every((o, i) => o === (i < 10 ? 0 : 0xff))
  return isMapped ? address.subarray(12) : address
}
