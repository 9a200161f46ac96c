import type { Hostname } from '../names/hostname.ts'
import { type AnswerContext, type Answering, reply, soaOwner } from './answer/answering.ts'
import { answerOwned } from './answer/owned.ts'
import {
  ADDRESS_TTL_SECONDS,
  ANY_REPLY,
  failure,
  noData,
  noSuchName,
  refused,
  withRecords,
} from './answer/replies.ts'
import { addressOfReverse } from './answer/reverse.ts'
import { answerSpecial } from './answer/special.ts'
import { encodeHostname } from './dns/name.ts'
import type { Question } from './dns/question.ts'
import type { Reply } from './dns/reply.ts'
import { CLASS_IN, EDE, isMetaType, TYPE } from './dns/type.ts'

/** The table of resolver.md, "Answers": what a question is answered with, or who must be asked. */
export function answerQuestion(question: Question, context: AnswerContext, now: number): Answering {
  if (question.class !== CLASS_IN) return reply(refused('only class IN is served'))
  if (isMetaType(question.type)) return reply(refused('only data is served'))
  const asked = context.names.find(question)
  switch (asked.kind) {
    case 'root':
      return elsewhere('', question.type, context)
    case 'not-a-hostname':
      return answerOdd(asked.tail, question.type, context)
    case 'hostname':
      return answerName(asked.name, asked.base, question.type, context, now)
  }
}

/** A name that no program connects to: never answered, and not told to others where zones are. */
function answerOdd(tail: Hostname | undefined, type: number, context: AnswerContext): Answering {
  // No top-level domain is a number or has other characters, so this is an address or nonsense.
  if (tail === undefined) return reply(noSuchName(''))
  if (context.ownership.guards(tail)) return reply(noSuchName(soaOwner(tail, context)))
  return elsewhere(tail, type, context)
}

function answerName(
  name: Hostname,
  base: Hostname | undefined,
  type: number,
  context: AnswerContext,
  now: number,
): Answering {
  const special = answerSpecial(name, type) ?? answerReverse(name, type, context, now)
  if (special) return reply(special)
  if (base === undefined) return elsewhere(name, type, context)
  const whose = context.ownership.find(base)
  switch (whose.kind) {
    case 'owned':
      return answerOwned(name, base, type, whose, context, now)
    case 'not-ours':
      return elsewhere(name, type, context)
    case 'absent':
      return reply(noSuchName(soaOwner(base, context)))
    case 'empty':
      return reply(noData(soaOwner(base, context)))
    case 'blocked':
      return reply(
        noSuchName(soaOwner(base, context), {
          code: EDE.BLOCKED,
          text: `rule ${whose.rule} blocks it`,
        }),
      )
    case 'not-yet':
      return reply(failure(EDE.NOT_READY, whose.why))
  }
}

/** An address of our ranges has the name that holds it, or none; nobody else is asked about it. */
function answerReverse(
  name: Hostname,
  type: number,
  context: AnswerContext,
  now: number,
): Reply | undefined {
  const bytes = addressOfReverse(name)
  if (bytes === undefined || !context.leases.holds(bytes)) return undefined
  const holder = context.leases.nameOfBytes(bytes, now)
  if (holder === undefined) return noSuchName(name)
  if (type !== TYPE.PTR) return noData(name)
  return withRecords([{ type, ttl: ADDRESS_TTL_SECONDS, data: encodeHostname(holder) }])
}

function elsewhere(name: Hostname | '', type: number, context: AnswerContext): Answering {
  if (context.strict) {
    const text = 'only the names of byname are served here'
    return reply(noSuchName(name, { code: EDE.PROHIBITED, text }))
  }
  return type === TYPE.ANY ? reply(ANY_REPLY) : { kind: 'forward' }
}
