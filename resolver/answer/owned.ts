import type { Hostname } from '../../names/hostname.ts'
import type { Owned } from '../catalog.ts'
import type { Resolved } from '../dns/lookup.ts'
import type { Question } from '../dns/question.ts'
import type { Reply } from '../dns/reply.ts'
import { EDE, isDnssecType, TYPE, typeName } from '../dns/type.ts'
import {
  type AnswerContext,
  type Answering,
  type AskConnector,
  reply,
  soaOwner,
} from './answering.ts'
import { recordsFrom } from './records.ts'
import {
  ADDRESS_TTL_SECONDS,
  ANY_REPLY,
  failure,
  noData,
  noSuchName,
  withRecords,
} from './replies.ts'

/** What a question about an owned name is answered with, or what the connector must be asked. */
export function answerOwned(
  name: Hostname,
  base: Hostname,
  type: number,
  owned: Owned,
  context: AnswerContext,
  now: number,
): Answering {
  const known = owned.wildcard ? context.existence.find(base, now) : 'exists'
  if (known === 'absent') return reply(noSuchName(soaOwner(base, context)))
  if (type === TYPE.A || type === TYPE.AAAA) {
    if (name !== base || known === 'no-data') return reply(noData(soaOwner(base, context)))
    if (known === 'exists') return reply(addressReply(base, type, owned, context, now))
    return { kind: 'ask-connector', name: base, type: 'A', owned, about: 'existence' }
  }
  if (type === TYPE.ANY) return reply(ANY_REPLY)
  // Address hints, ALPN and ECH could carry the client around us; nothing of ours is signed.
  const isWithheld = type === TYPE.HTTPS || type === TYPE.SVCB || isDnssecType(type)
  if (isWithheld) return reply(noData(soaOwner(base, context)))
  return { kind: 'ask-connector', name, type: typeName(type), owned, about: 'records' }
}

/** The answer after the connector was asked. */
export function answerResolved(
  question: Question,
  asked: AskConnector,
  resolved: Resolved,
  context: AnswerContext,
  now: number,
): Reply {
  if (asked.about === 'records') return recordsReply(question.type, asked, resolved, context)
  context.existence.learn(asked.name, resolved, now)
  switch (resolved.kind) {
    case 'exists':
    case 'refused':
      return addressReply(asked.name, question.type, asked.owned, context, now)
    case 'absent':
      return noSuchName(soaOwner(asked.name, context))
    case 'no-data':
      return noData(soaOwner(asked.name, context))
    case 'failed':
      return failure(EDE.NO_REACHABLE_AUTHORITY, resolved.reason ?? 'the connector cannot say')
  }
}

function addressReply(
  name: Hostname,
  type: number,
  owned: Owned,
  context: AnswerContext,
  now: number,
): Reply {
  const family = type === TYPE.A ? 4 : 6
  const lease = context.leases.addressFor(name, family, now, owned.wildcard ? owned.app : '')
  switch (lease.kind) {
    case 'leased':
      return withRecords([{ type, ttl: ADDRESS_TTL_SECONDS, data: lease.bytes }])
    case 'no-family':
      return noData(soaOwner(name, context))
    case 'exhausted':
      return failure(EDE.OTHER, exhaustedText(lease.what, lease.capacity, owned))
    case 'failed':
      return failure(EDE.OTHER, `no address can be written down: ${lease.reason}`)
  }
}

function exhaustedText(what: 'range' | 'app', capacity: number, owned: Owned): string {
  return what === 'app'
    ? `${owned.app} has ${capacity} names in use, and may have no more`
    : `all ${capacity} synthetic addresses are in use`
}

function recordsReply(
  type: number,
  { name, owned }: AskConnector,
  resolved: Resolved,
  context: AnswerContext,
): Reply {
  const owner = soaOwner(name, context)
  switch (resolved.kind) {
    case 'exists': {
      const records = recordsFrom(resolved, name, type)
      return records
        ? withRecords(records)
        : failure(EDE.OTHER, 'the connector sent no such records')
    }
    case 'absent':
      // The name itself has an address here: NXDOMAIN would deny that too (RFC 8020).
      return owned.wildcard || name.startsWith('_') ? noSuchName(owner) : noData(owner)
    case 'no-data':
      return noData(owner)
    case 'refused':
      return { ...noData(owner), ede: { code: EDE.PROHIBITED, text: resolved.reason ?? 'refused' } }
    case 'failed':
      return failure(EDE.NO_REACHABLE_AUTHORITY, resolved.reason ?? 'the connector cannot say')
  }
}
