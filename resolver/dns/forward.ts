import { AnswerCache, type Kept } from './cache.ts'
import type { Message } from './message.ts'
import { type Ask, askOf, keyOf, makeQuery, type Random } from './query.ts'
import { HEADER_BYTES, type Question } from './question.ts'
import { type RaceTimes, raceServers } from './race.ts'
import type { Server } from './system.ts'

/**
 * What other resolvers said. `loop`: the question is one of ours that came back to us. `none`: there
 * is nobody to ask. `busy`: more questions are under way than we keep.
 */
export type Forwarded =
  | ({ readonly kind: 'answered' } & Kept)
  | { readonly kind: 'silent' }
  | { readonly kind: 'loop' }
  | { readonly kind: 'none' }
  | { readonly kind: 'busy' }

/** Asks other resolvers. `makeUpstream` of upstream.ts makes the real one. */
export interface Upstream {
  /** Never rejects. Identical questions under way are one query upstream. */
  ask(question: Question): Promise<Forwarded>
}

export interface ForwarderOptions {
  readonly servers: () => readonly Server[]
  readonly exchange: (server: Server, query: Uint8Array, signal: AbortSignal) => Promise<Message>
  readonly clock: () => number
  readonly random: Random
  readonly times?: RaceTimes
}

const MAX_UNDER_WAY = 512
/** With fewer letters a program that mixes case itself may well hit on our own mixture. */
const TELLING_LETTERS = 8

export class Forwarder implements Upstream {
  readonly #options: ForwarderOptions
  readonly #cache = new AnswerCache()
  readonly #underWay = new Map<string, Promise<Forwarded>>()
  readonly #sent = new Map<string, number>()

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  async ask(question: Question): Promise<Forwarded> {
    if (this.#isOurs(question)) return { kind: 'loop' }
    const ask = askOf(question)
    const key = keyOf(ask)
    const kept = this.#cache.find(key, this.#options.clock())
    if (kept) return { kind: 'answered', ...kept }
    const underWay = this.#underWay.get(key)
    if (underWay) return underWay
    if (this.#underWay.size >= MAX_UNDER_WAY) return { kind: 'busy' }
    const asking = this.#race(ask, key).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asking)
    return asking
  }

  async #race(ask: Ask, key: string): Promise<Forwarded> {
    const servers = this.#options.servers()
    if (servers.length === 0) return { kind: 'none' }
    const sent: string[] = []
    const message = await raceServers(
      servers,
      (server, signal) => this.#send(server, ask, sent, signal),
      this.#options.times,
    )
    for (const text of sent) this.#sent.delete(text)
    if (message === undefined) return { kind: 'silent' }
    this.#cache.keep(key, message, this.#options.clock())
    return { kind: 'answered', message, ageSeconds: 0 }
  }

  #send(server: Server, ask: Ask, sent: string[], signal: AbortSignal): Promise<Message> {
    const query = makeQuery(ask, this.#options.random)
    const text = questionText(query, query.length - 11)
    sent.push(text)
    this.#sent.set(text, idOf(query))
    return this.#options.exchange(server, query, signal)
  }

  /**
   * A question with the very letters' case of one that we have out: our own servers send it back to
   * us, directly (same id) or through another forwarder.
   */
  #isOurs(question: Question): boolean {
    if (this.#sent.size === 0) return false
    const text = questionText(question.message, question.end)
    const id = this.#sent.get(text)
    if (id === undefined) return false
    return id === question.id || (text.match(/[A-Za-z]/g)?.length ?? 0) >= TELLING_LETTERS
  }
}

function questionText(message: Uint8Array, end: number): string {
  return Buffer.from(message.buffer, message.byteOffset, message.length)
    .subarray(HEADER_BYTES, end)
    .toString('latin1')
}

const idOf = (message: Uint8Array) => ((message[0] ?? 0) << 8) | (message[1] ?? 0)
