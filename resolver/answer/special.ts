import type { Hostname } from '../../names/hostname.ts'
import type { Reply } from '../dns/reply.ts'
import { TYPE } from '../dns/type.ts'
import { noData, noSuchName, withRecords } from './replies.ts'

const LOCALHOST_TTL_SECONDS = 3600

/** The answers to names that mean the same everywhere and are never asked of anybody. */
export function answerSpecial(name: Hostname, type: number): Reply | undefined {
  switch (lastLabel(name)) {
    case 'localhost':
      return localhost(name, type)
    // RFC 6761 §6.4, RFC 7686 §2.
    case 'invalid':
    case 'onion':
      return noSuchName(name)
    case 'net':
      // Firefox turns its own DNS over HTTPS off where this name does not exist.
      return name === 'use-application-dns.net' ? noSuchName(name) : undefined
    case 'arpa':
      // RFC 9462 §6.4: no encrypted resolver to move to.
      return name === 'resolver.arpa' || name.endsWith('.resolver.arpa') ? noData(name) : undefined
    default:
      return undefined
  }
}

/** RFC 6761 §6.3. */
function localhost(name: Hostname, type: number): Reply {
  const ttl = LOCALHOST_TTL_SECONDS
  switch (type) {
    case TYPE.A:
      return withRecords([{ type, ttl, data: Uint8Array.of(127, 0, 0, 1) }])
    case TYPE.AAAA:
      return withRecords([
        { type, ttl, data: Uint8Array.from({ length: 16 }, (_, i) => +(i === 15)) },
      ])
    default:
      return noData(name)
  }
}

const lastLabel = (name: Hostname) => name.slice(name.lastIndexOf('.') + 1)
