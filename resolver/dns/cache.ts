import type { Message } from './message.ts'
import { skipName } from './name.ts'
import { u32 } from './question.ts'
import { RCODE, TYPE } from './type.ts'

const MAX_ENTRIES = 2000
const MAX_MESSAGE_BYTES = 4096
const MAX_POSITIVE_SECONDS = 3600
/** RFC 2308 §5 allows hours; a name that was just made should not be missing for so long. */
const MAX_NEGATIVE_SECONDS = 300

export interface Kept {
  readonly message: Message
  readonly ageSeconds: number
}

/** Answers of other resolvers, for as long as they say. Bounded; the longest unused goes first. */
export class AnswerCache {
  readonly #entries = new Map<string, { message: Message; keptAt: number; expiresAt: number }>()

  find(key: string, now: number): Kept | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    // A clock set back would make it young again.
    if (now >= entry.expiresAt || now < entry.keptAt) return undefined
    this.#entries.set(key, entry)
    return { message: entry.message, ageSeconds: Math.floor((now - entry.keptAt) / 1000) }
  }

  keep(key: string, message: Message, now: number): void {
    const seconds = lifeSeconds(message)
    if (seconds <= 0 || message.bytes.length > MAX_MESSAGE_BYTES) return
    this.#entries.set(key, { message, keptAt: now, expiresAt: now + seconds * 1000 })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
  }
}

/** How long an answer holds: its shortest TTL, RFC 2308 §5 where there is nothing; 0 for errors. */
export function lifeSeconds(message: Message): number {
  if (message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN) return 0
  const negative = negativeSeconds(message)
  if (message.answers.length === 0) return negative ?? 0
  const ttls = [...message.answers, ...message.authority, ...message.additional].map(ttlOf)
  return Math.min(MAX_POSITIVE_SECONDS, negative ?? MAX_POSITIVE_SECONDS, ...ttls)
}

/** The lesser of the SOA's TTL and its last field; `undefined` without an SOA. */
function negativeSeconds(message: Message): number | undefined {
  const soa = message.authority.find((record) => record.type === TYPE.SOA)
  if (soa === undefined) return undefined
  const names = skipName(message.bytes, skipName(message.bytes, soa.dataAt))
  if (names < 0 || names + 20 !== soa.dataAt + soa.dataBytes) return undefined
  return Math.min(MAX_NEGATIVE_SECONDS, ttlOf(soa), u32(message.bytes, names + 16))
}

/** RFC 2181 §8: a TTL with the top bit set means zero. */
const ttlOf = ({ ttl }: { readonly ttl: number }) => (ttl > 0x7fffffff ? 0 : ttl)
