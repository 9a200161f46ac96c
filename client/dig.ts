import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { findHostname } from '../names/hostname.ts'
import type { Whose } from '../resolver/catalog.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { Way } from './way.ts'

/** What the resolver says to one question, and who answered and why. */
export interface Dug {
  readonly schema: 1
  readonly name: string
  readonly type: string
  readonly whose: Whose['kind'] | 'no-hostname'
  /** Who answered and why, in a sentence. */
  readonly why: string
  /** NOERROR, NXDOMAIN, SERVFAIL … */
  readonly status: string
  readonly answers: readonly DugRecord[]
  readonly micros: number
}

export interface DugRecord {
  readonly name: string
  readonly type: string
  readonly ttlSeconds: number
  readonly data: string
}

/** Asks the very resolver that programs ask, by a DNS message. */
export async function dig(
  way: Pick<Way, 'ownership'>,
  resolver: Pick<Resolver, 'answer'>,
  question: { readonly name: string; readonly type: string },
): Promise<Dug> {
  const { name, type } = question
  const query = encode({
    type: 'query',
    id: 1,
    flags: RECURSION_DESIRED,
    questions: [{ name, type: type as 'A' }],
  })
  const begin = performance.now()
  const answer = await resolver.answer(query, 'tcp')
  const micros = Math.round((performance.now() - begin) * 1000)
  const read = answer && decode(Buffer.from(answer))
  return {
    schema: 1,
    name,
    type,
    ...whoseIs(way, name),
    // dns-packet has the response code, its types do not.
    status: (read as { rcode?: string } | undefined)?.rcode ?? 'no answer',
    answers: (read?.answers ?? []).map(recordOf),
    micros,
  }
}

function whoseIs(way: Pick<Way, 'ownership'>, text: string): Pick<Dug, 'whose' | 'why'> {
  const name = findHostname(text)
  if (!name) return { whose: 'no-hostname', why: 'it is no hostname that a program can connect to' }
  const whose = way.ownership.find(name)
  return { whose: whose.kind, why: whyOf(whose, way.ownership.zoneOf(name)) }
}

function whyOf(whose: Whose, zone: string | undefined): string {
  switch (whose.kind) {
    case 'owned': {
      const ports = whose.ports.map(({ from, to, protocol }) => `${rangeOf(from, to)}/${protocol}`)
      return `byname’s, as ${whose.app} (${ports.join(', ') || 'no port'}): answered here`
    }
    case 'blocked':
      return `byname’s, and rule ${whose.rule} blocks it for you`
    case 'empty':
      return `byname’s zone ${zone} has names below it, but this is none: answered here`
    case 'absent':
      return `in byname’s zone ${zone}, and nobody publishes it: never asked of anybody else`
    case 'not-yet':
      return `byname’s, but ${whose.why}`
    case 'not-ours':
      return 'not byname’s: asked of this machine’s own resolvers'
  }
}

const rangeOf = (from: number, to: number) => (from === to ? `${from}` : `${from}-${to}`)

function recordOf(answer: Answer): DugRecord {
  const { name, type } = answer
  const { ttl = 0, data } = answer as { ttl?: number; data?: unknown }
  return { name, type, ttlSeconds: ttl, data: textOf(data) }
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data
  if (Buffer.isBuffer(data)) return JSON.stringify(data.toString('latin1'))
  return Array.isArray(data) ? data.map(textOf).join(' ') : JSON.stringify(data)
}
