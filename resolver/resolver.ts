import type { Hostname } from '../names/hostname.ts'
import type { AnswerContext, AskConnector } from './answer/answering.ts'
import { AskedNames } from './answer/asked-names.ts'
import { Existence } from './answer/existence.ts'
import { encodeForwarded, pointsInto } from './answer/forwarded.ts'
import { answerResolved } from './answer/owned.ts'
import { failure } from './answer/replies.ts'
import { answerQuestion } from './answer.ts'
import type { Ownership } from './catalog.ts'
import type { Forwarded, Upstream } from './dns/forward.ts'
import type { Resolved } from './dns/lookup.ts'
import { type Question, readQuestion } from './dns/question.ts'
import { encodeError, encodeReply, limitOf, type Reply } from './dns/reply.ts'
import { EDE } from './dns/type.ts'
import type { Leases } from './leases.ts'

export type Via = 'udp' | 'tcp'

/** A DNS message to send back, or `undefined` for silence. */
export type Answer = Uint8Array | undefined

/** At once where nobody has to be asked; `await` takes both. */
export type AnswerOrLater = Answer | Promise<Answer>

export interface Resolver {
  /** One DNS query message in, one answer out. Never throws, never rejects. */
  answer(query: Uint8Array, via: Via): AnswerOrLater
  /** The name that a synthetic address was given to; marks its lease as used. IPv4-mapped is fine. */
  nameAt(address: string): Hostname | undefined
}

export interface ResolverOptions {
  readonly ownership: Ownership
  readonly leases: Leases
  /**
   * Asks the real DNS where the traffic leaves: RESOLVE over the tunnel. `type` is a mnemonic
   * (`SRV`, `MX`, …, `TYPE65280`). Type `A` asks whether what the dial would use exists, whatever its
   * family; no records are expected then.
   */
  readonly askConnector: (name: Hostname, type: string) => Promise<Resolved>
  /** The machine's other resolvers; left out, names that are not ours do not exist (strict mode). */
  readonly upstream?: Upstream | undefined
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** How long the connector may take; 4,000 by default, under the 5 s of stub resolvers. */
  readonly askTimeoutMs?: number
  /** Questions that wait for somebody else at once; more get SERVFAIL. 1,024 by default. */
  readonly maxWaiting?: number
  /** Told of an error that is a fault of ours; the asker gets SERVFAIL. */
  readonly onFault?: (error: unknown) => void
}

export function makeResolver(options: ResolverOptions): Resolver {
  return new NameResolver(options)
}

const MAX_ASKED = 256
const ASK_TIMEOUT_MS = 4000
const MAX_WAITING = 1024

class NameResolver implements Resolver {
  readonly #options: ResolverOptions
  readonly #context: AnswerContext
  /** Identical questions to the connector that are under way are one. */
  readonly #asked = new Map<string, Promise<Resolved>>()
  #waiting = 0

  constructor(options: ResolverOptions) {
    this.#options = options
    const { ownership, leases, upstream } = options
    this.#context = {
      names: new AskedNames(),
      ownership,
      leases,
      existence: new Existence(),
      strict: upstream === undefined,
    }
  }

  answer(query: Uint8Array, via: Via): AnswerOrLater {
    const read = readQuestion(query)
    switch (read.kind) {
      case 'silence':
        return undefined
      case 'error':
        return encodeError(query, read.rcode, read.edns)
      case 'question':
        return this.#answer(read.question, via)
    }
  }

  nameAt(address: string): Hostname | undefined {
    return this.#context.leases.nameOf(address, this.#options.clock())
  }

  #answer(question: Question, via: Via): AnswerOrLater {
    try {
      const answering = answerQuestion(question, this.#context, this.#options.clock())
      switch (answering.kind) {
        case 'reply':
          return encodeReply(question, answering.reply, limitOf(question, via))
        case 'ask-connector':
          return this.#later(question, via, () => this.#throughConnector(question, answering, via))
        case 'forward':
          return this.#later(question, via, () => this.#throughUpstream(question, via))
      }
    } catch (error) {
      return this.#fault(question, via, error)
    }
  }

  async #throughConnector(question: Question, asking: AskConnector, via: Via): Promise<Answer> {
    const resolved = await this.#askConnector(asking.name, asking.type)
    const now = this.#options.clock()
    const reply = answerResolved(question, asking, resolved, this.#context, now)
    return encodeReply(question, reply, limitOf(question, via))
  }

  async #throughUpstream(question: Question, via: Via): Promise<Answer> {
    const forwarded = await this.#options.upstream?.ask(question)
    const limit = limitOf(question, via)
    if (forwarded?.kind !== 'answered') {
      return encodeReply(question, FORWARD_FAILURES[forwarded?.kind ?? 'none'], limit)
    }
    const { message, ageSeconds } = forwarded
    if (pointsInto(message, (address) => this.#context.leases.holds(address))) {
      return encodeReply(question, REBINDING, limit)
    }
    return encodeForwarded(question, message, ageSeconds, limit)
  }

  #askConnector(name: Hostname, type: string): Promise<Resolved> {
    const key = `${type} ${name}`
    const underWay = this.#asked.get(key)
    if (underWay) return underWay
    if (this.#asked.size >= MAX_ASKED) return Promise.resolve(TOO_MANY)
    const { askConnector, askTimeoutMs = ASK_TIMEOUT_MS } = this.#options
    const asking = withinTime(askConnector(name, type), askTimeoutMs).finally(() =>
      this.#asked.delete(key),
    )
    this.#asked.set(key, asking)
    return asking
  }

  /** Questions that ask for the same share one answer, but each one that waits costs memory. */
  #later(question: Question, via: Via, answer: () => Promise<Answer>): AnswerOrLater {
    const { maxWaiting = MAX_WAITING } = this.#options
    if (this.#waiting >= maxWaiting) return encodeReply(question, BUSY, limitOf(question, via))
    this.#waiting++
    return answer()
      .catch((error: unknown) => this.#fault(question, via, error))
      .finally(() => this.#waiting--)
  }

  #fault(question: Question, via: Via, error: unknown): Answer {
    this.#options.onFault?.(error)
    return encodeReply(question, FAULT, limitOf(question, via))
  }
}

function withinTime(asking: Promise<Resolved>, timeoutMs: number): Promise<Resolved> {
  const { promise, resolve } = Promise.withResolvers<Resolved>()
  const timer = setTimeout(() => resolve(NO_ANSWER), timeoutMs)
  asking
    .catch((error: unknown) => failed(error instanceof Error ? error.message : String(error)))
    .then(resolve, () => {})
    .finally(() => clearTimeout(timer))
  return promise
}

const failed = (reason: string): Resolved => ({ kind: 'failed', ttlSeconds: 0, reason })
const NO_ANSWER = failed('the connector did not answer in time')
const TOO_MANY = failed('too many questions to connectors at once')

const REBINDING = failure(EDE.FILTERED, 'another resolver gave an address that only byname gives')

const FAULT = failure(EDE.OTHER, 'a fault in the resolver')
const BUSY = failure(EDE.OTHER, 'too many questions wait for an answer')

const FORWARD_FAILURES: Readonly<Record<Exclude<Forwarded['kind'], 'answered'>, Reply>> = {
  silent: failure(EDE.NO_REACHABLE_AUTHORITY, 'no other resolver answered'),
  loop: failure(EDE.OTHER, 'the other resolvers ask this one: a loop'),
  none: failure(EDE.OTHER, 'no other resolver is known'),
  busy: BUSY,
}
