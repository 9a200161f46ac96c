import type { Hostname } from '../../names/hostname.ts'
import { encodeHostname } from '../dns/name.ts'
import type { Reply, WireRecord } from '../dns/reply.ts'
import { EDE, RCODE, TYPE } from '../dns/type.ts'

/** How long a program may keep a synthetic address: short, since a name's owner may change. */
export const ADDRESS_TTL_SECONDS = 60
const NEGATIVE_SECONDS = 10

export function withRecords(answers: readonly WireRecord[]): Reply {
  return { rcode: RCODE.NOERROR, answers }
}

/** The name exists, without data of that type; `owner` is the name or a zone above it. */
export function noData(owner: Hostname | ''): Reply {
  return { rcode: RCODE.NOERROR, answers: [], authority: soaOf(owner) }
}

export function noSuchName(owner: Hostname | '', ede?: Reply['ede']): Reply {
  const reply = { rcode: RCODE.NXDOMAIN, answers: [], authority: soaOf(owner) }
  return ede ? { ...reply, ede } : reply
}

/** SERVFAIL with the reason as an extended error, for people (`dig` prints it). */
export function failure(code: number, text: string): Reply {
  return { rcode: RCODE.SERVFAIL, answers: [], ede: { code, text } }
}

export function refused(text: string): Reply {
  return { rcode: RCODE.REFUSED, answers: [], ede: { code: EDE.PROHIBITED, text } }
}

/** RFC 8482 §4.2: the whole answer to ANY. */
export const ANY_REPLY: Reply = withRecords([
  { type: TYPE.HINFO, ttl: ADDRESS_TTL_SECONDS, data: Buffer.from('\x07RFC8482\x00', 'latin1') },
])

/** RFC 2308 §3: TTL and last field say for how long the answer holds. */
function soaOf(owner: Hostname | ''): WireRecord {
  const zone = encodeHostname(owner)
  const numbers = Buffer.alloc(20)
  for (const [i, value] of [1, 3600, 600, 86400, NEGATIVE_SECONDS].entries()) {
    numbers.writeUInt32BE(value, i * 4)
  }
  const data = Buffer.concat([MNAME, RNAME, numbers])
  return { owner: zone, type: TYPE.SOA, ttl: NEGATIVE_SECONDS, data }
}

/** Names that exist nowhere (RFC 6761 §6.4): nobody must look for a server or a mailbox there. */
const MNAME = Buffer.from('\x06byname\x07invalid\x00', 'latin1')
const RNAME = Buffer.from('\x06nobody\x07invalid\x00', 'latin1')
