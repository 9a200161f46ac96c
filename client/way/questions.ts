import type { Hostname } from '../../names/hostname.ts'
import type { Resolved as Answer } from '../../resolver/dns/lookup.ts'
import type { Resolve, Resolved } from '../../tunnel/control.ts'
import type { After } from './waiting.ts'

const TIMEOUT_MS = 5_000
const MAX_OPEN = 1024

/** RESOLVEs without an answer yet. The same question asked twice at once is one RESOLVE. */
export class Questions {
  readonly #open = new Map<number, Question>()
  readonly #after: After
  #nextId = 1

  constructor(after: After) {
    this.#after = after
  }

  /** Never rejects: what cannot be asked is `failed`, with the reason. */
  ask(name: Hostname, type: string, send: (message: Resolve) => void): Promise<Answer> {
    const same = [...this.#open.values()].find((one) => one.name === name && one.type === type)
    if (same) return same.promise
    if (this.#open.size >= MAX_OPEN) return Promise.resolve(failed('too many questions at once'))
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const cancel = this.#after(TIMEOUT_MS, () => this.#settle(id, failed('no answer in time')))
    this.#open.set(id, { name, type, promise, resolve, cancel })
    send({ kind: 'resolve', id, name, type })
    return promise
  }

  answer({ id, answer: kind, ttlSeconds, records, reason }: Resolved): void {
    const known = { kind, ttlSeconds, records }
    this.#settle(id, reason === undefined ? known : { ...known, reason })
  }

  failAll(reason: string): void {
    for (const id of [...this.#open.keys()]) this.#settle(id, failed(reason))
  }

  #settle(id: number, answer: Answer): void {
    const question = this.#open.get(id)
    this.#open.delete(id)
    question?.cancel()
    question?.resolve(answer)
  }
}

interface Question {
  readonly name: Hostname
  readonly type: string
  readonly promise: Promise<Answer>
  readonly resolve: (answer: Answer) => void
  readonly cancel: () => void
}

export const failed = (reason: string): Answer => ({ kind: 'failed', ttlSeconds: 0, reason })
