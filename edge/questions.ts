import { findHostname, type Hostname, hostOfService } from '../names/hostname.ts'
import { Bucket } from '../tunnel/bucket.ts'
import type { Resolve, Resolved } from '../tunnel/control.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { Gate } from './gate.ts'
import type { Picked } from './registry.ts'

/** A tunnel that questions and answers go over. */
export interface Speaker {
  send(message: Resolve | Resolved): void
}

export interface QuestionsOptions<Tunnel extends Speaker> {
  readonly gate: Pick<Gate, 'mayAsk'>
  readonly pickForQuestion: (name: Hostname) => Picked<Tunnel>
  readonly clock: TunnelClock
}

/** A connector that has not answered by then will not. */
const PATIENCE_MS = 5000
const MAX_WAITING = 10_000
const MAX_WAITING_PER_CLIENT = 256
/** Below what a connector closes its tunnel over: its other flows must not pay (tunnel/limits.ts). */
const TO_ONE_CONNECTOR = [800, 4000] as const
/** RFC 2308 §5 lets us choose: a name may be published any moment. */
const ABSENT_SECONDS = 10

/** DNS questions of clients, through the gate, to a connector that has the name; answers back. */
export class Questions<Tunnel extends Speaker> {
  readonly #options: QuestionsOptions<Tunnel>
  readonly #waiting = new Map<number, Waiting<Tunnel>>()
  readonly #perClient = new Map<Tunnel, number>()
  readonly #perConnector = new WeakMap<Tunnel, Bucket>()
  #lastId = 0

  constructor(options: QuestionsOptions<Tunnel>) {
    this.#options = options
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  ask(client: Tunnel, session: string, question: Resolve): void {
    const answer = (kind: Resolved['answer'], reason: string) =>
      client.send(emptyAnswer(question.id, kind, reason))
    const name = ownerOf(question.name)
    const now = this.#options.clock.now()
    // Refused looks like absent: the door must not tell which names there are.
    if (!name || !this.#options.gate.mayAsk({ session, name, now })) {
      answer('absent', 'no such name')
      return
    }
    if (this.#isFull(client)) {
      answer('failed', 'too many questions at once')
      return
    }
    const picked = this.#options.pickForQuestion(name)
    if (picked.kind !== 'picked') answer('failed', 'no connector of that name is connected')
    else if (this.#maySend(picked.tunnel, now)) this.#pass(client, picked.tunnel, question)
    else answer('failed', 'its connector is asked too much')
  }

  /** What a connector says; an answer to a question that it was not asked is dropped. */
  answer(connector: Tunnel, resolved: Resolved): void {
    const waiting = this.#waiting.get(resolved.id)
    if (waiting?.connector !== connector) return
    this.#settle(resolved.id, waiting, { ...resolved, id: waiting.clientId })
  }

  /** A tunnel is gone: its questions are forgotten, those it was asked have failed. */
  gone(tunnel: Tunnel): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.client === tunnel) this.#forget(id, tunnel, waiting.giveUp)
      else if (waiting.connector === tunnel) {
        this.#settle(
          id,
          waiting,
          emptyAnswer(waiting.clientId, 'failed', 'the connector went away'),
        )
      }
    }
  }

  #pass(client: Tunnel, connector: Tunnel, question: Resolve): void {
    const id = this.#nextId()
    const giveUp = this.#options.clock.after(PATIENCE_MS, () => {
      const waiting = this.#waiting.get(id)
      const late = emptyAnswer(question.id, 'failed', 'the connector did not answer in time')
      if (waiting) this.#settle(id, waiting, late)
    })
    this.#waiting.set(id, { client, connector, clientId: question.id, giveUp })
    this.#count(client, 1)
    connector.send({ ...question, id })
  }

  #maySend(connector: Tunnel, now: number): boolean {
    const bucket = this.#perConnector.get(connector) ?? new Bucket(...TO_ONE_CONNECTOR, now)
    this.#perConnector.set(connector, bucket)
    return bucket.take(now)
  }

  #settle(id: number, { client, giveUp }: Waiting<Tunnel>, answer: Resolved): void {
    this.#forget(id, client, giveUp)
    client.send(answer)
  }

  #forget(id: number, client: Tunnel, giveUp: () => void): void {
    giveUp()
    this.#waiting.delete(id)
    this.#count(client, -1)
  }

  #isFull(client: Tunnel): boolean {
    const own = this.#perClient.get(client) ?? 0
    return this.#waiting.size >= MAX_WAITING || own >= MAX_WAITING_PER_CLIENT
  }

  #count(client: Tunnel, step: number): void {
    const count = (this.#perClient.get(client) ?? 0) + step
    if (count > 0) this.#perClient.set(client, count)
    else this.#perClient.delete(client)
  }

  /** 32 bits, 0 left out; one that still waits after four thousand million others is stepped over. */
  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0 || 1
    while (this.#waiting.has(this.#lastId))
    return this.#lastId
  }
}

interface Waiting<Tunnel> {
  readonly client: Tunnel
  readonly connector: Tunnel
  readonly clientId: number
  readonly giveUp: () => void
}

/** `_ldap._tcp.corp.internal` is asked of whoever has `corp.internal` (resolver.md, "Answers"). */
function ownerOf(text: string): Hostname | undefined {
  const name = findHostname(text)
  return name && hostOfService(name)
}

const emptyAnswer = (id: number, answer: Resolved['answer'], reason: string): Resolved => ({
  kind: 'resolved',
  id,
  answer,
  ttlSeconds: answer === 'absent' ? ABSENT_SECONDS : 0,
  records: [],
  reason,
})
