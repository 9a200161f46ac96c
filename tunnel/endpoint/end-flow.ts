import { type ResetCode, TunnelError } from '../codes.ts'
import type { Flow, FlowEnd, FlowHandlers, OpenedInfo, OpenRequest, Refusal } from '../flow.ts'
import type { Resume, Resumed } from '../frames/resume.ts'
import { CREDIT_FRAME_BYTES, putCredit, resetFrame } from '../frames/write.ts'
import type { FlowHost, FlowStart, TakeBack } from './flow-host.ts'
import { Receiving, type Standing } from './receiving.ts'
import { Sending } from './sending.ts'

/**
 * `asked`: OPEN is out or in and not answered. `detached`: it has no tunnel; `resuming`: a client has
 * asked for it over a new one.
 */
type State = 'asked' | 'open' | 'detached' | 'resuming' | 'over'

/** One end of one flow. Errors of the peer about this flow end this flow only (SPEC.md §9.2). */
export class EndFlow implements Flow {
  stream: number
  /** Counts its attachments to tunnels. */
  attempt: number
  readonly sending: Sending
  readonly isOpener: boolean
  readonly party: string | undefined
  readonly request: OpenRequest
  readonly #receiving: Receiving
  #host: FlowHost<EndFlow>
  #handlers: FlowHandlers
  #state: State = 'asked'
  #blocked = false
  #info: OpenedInfo | undefined
  /** The program gave up while there was no tunnel to say so. */
  #resetWhenBack: FlowEnd | undefined

  constructor(host: FlowHost<EndFlow>, start: FlowStart, handlers: FlowHandlers) {
    this.request = start.request
    this.stream = start.stream
    this.attempt = start.attempt
    this.isOpener = start.opener === 'us'
    this.party = start.party
    this.#host = host
    this.#handlers = handlers
    this.sending = new Sending(start.sendLimit)
    this.#receiving = new Receiving(start.receiveLimit, host.budget)
  }

  get id(): string {
    return this.request.flowId
  }

  get bytesSent(): number {
    return this.sending.endOffset
  }

  get bytesReceived(): number {
    return this.#receiving.offset
  }

  /** Neither a byte nor FIN. */
  get hasReceivedNothing(): boolean {
    return this.#receiving.offset === 0 && !this.#receiving.hasEnded
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  get isAsked(): boolean {
    return this.#state === 'asked'
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** What OPENED said: a connector says it again, a client asks that instance for its flow. */
  get info(): OpenedInfo | undefined {
    return this.#info
  }

  /** Something is on its way whose acknowledgement is missed. */
  get isWaiting(): boolean {
    return this.#state === 'asked' || this.#state === 'resuming' || this.sending.isWaitingForAck
  }

  get hasToSend(): boolean {
    return this.sending.sendableBytes > 0 || this.sending.isFinDue
  }

  write(chunk: Uint8Array, free?: () => void): boolean {
    if (this.#isGivenUp || this.sending.hasEnded) return false
    this.sending.write(chunk, free)
    this.#ready()
    this.#blocked = this.sending.unsentBytes >= this.#host.budget.firstWindowBytes
    return !this.#blocked
  }

  end(): void {
    if (this.#isGivenUp || this.sending.hasEnded) return
    this.sending.finish()
    this.#ready()
  }

  reset(code: ResetCode, reason = ''): void {
    if (this.#isGivenUp) return
    const end = { code, reason }
    if (this.isOpener && this.#isAway) this.#resetLater(end)
    else this.#break(end)
  }

  consumed(bytes: number): void {
    if (this.isOver) return
    this.#receiving.consume(bytes, this.#host.micros(), this.#host.rttMs ?? 0)
    if (this.isOpen && this.#receiving.isCreditDue) this.#host.owes(this)
  }

  /** The connector's side has said OPENED. */
  answered(info: OpenedInfo): void {
    this.#opened(info)
    this.#host.owes(this)
  }

  /** From now on these are told; the ones before kept what came. */
  handTo(handlers: FlowHandlers): void {
    if (!this.isOver) this.#handlers = handlers
  }

  /** Over without a word to anybody. */
  abandon(): void {
    if (!this.isOver) this.#finish(ABANDONED)
  }

  /** Its tunnel is gone, or the other end's; what cannot be resumed is over. */
  lost(end: FlowEnd): void {
    if (this.isAsked || !this.#host.canResume) this.onReset(end)
    else this.#detach()
  }

  /** It goes on without this tunnel, or is asked for over another one. */
  leave(): void {
    if (!this.isOpen && this.#state !== 'resuming') return
    this.#host.letGo(this)
    this.#detach()
  }

  /** Client: asks for it over another tunnel; gives what RESUME says. */
  resumeOn(host: FlowHost<EndFlow>, stream: number): Resume {
    this.#host = host
    this.#state = 'resuming'
    this.stream = stream
    this.attempt += 1
    const { attempt, request } = this
    const instance = this.#info?.instance ?? ''
    return { ...request, attempt, instance, ...this.#receiving.credit() }
  }

  /**
   * Connector: it is carried on by another tunnel, and sends again from `received` on. Gives where
   * this end stands.
   * @throws TunnelError `protocol-error` for a place that is not kept; nothing has changed then
   */
  takeBack(host: FlowHost<EndFlow>, stream: number, asked: TakeBack): Standing {
    this.sending.rewind(asked.received, asked.limit)
    this.leave()
    this.#host = host
    this.stream = stream
    this.attempt = asked.attempt
    this.#attached()
    this.#receiving.allow(asked.allowed ?? 0)
    return this.#receiving.credit()
  }

  /** After the answer to RESUME has been said. */
  goOn(): void {
    if (!this.isOpen) return
    if (this.hasToSend) this.#host.ready(this)
    this.#endIfDone()
  }

  onOpened(info: OpenedInfo): void {
    this.#checkAsker()
    this.#opened(info)
    this.#host.answered()
    this.#handlers.opened?.(info)
  }

  onRefused(refusal: Refusal): void {
    this.#checkAsker()
    this.#finish(refusal)
    if (this.#handlers.refused) this.#handlers.refused(refusal)
    else this.#handlers.reset(refusal)
  }

  onResumed(resumed: Resumed): void {
    if (this.#state !== 'resuming' || resumed.attempt !== this.attempt) {
      throw new TunnelError('protocol-error', 'RESUMED to nothing that was asked')
    }
    const gaveUp = this.#resetWhenBack
    if (!gaveUp) this.sending.rewind(resumed.received, resumed.limit)
    this.#attached()
    if (gaveUp) this.#sayGivenUp(gaveUp)
    else this.goOn()
  }

  onData(chunk: Uint8Array): void {
    this.#checkOpened()
    this.#receiving.receive(chunk.length)
    this.#handlers.data(chunk)
    if (this.isOpen && this.#receiving.isCreditDue) this.#host.owes(this)
  }

  /** The peer broke the rules of this flow: it ends at both ends, the tunnel goes on. */
  fail(end: FlowEnd): void {
    if (this.isOver) return
    const isHeard = this.#resetWhenBack === undefined
    this.#resetWhenBack = undefined
    this.#break(end)
    if (isHeard) this.#handlers.reset(end)
  }

  /** The offset that DATA_AT says must be the next: a gap means that bytes were lost. */
  expect(offset: number): void {
    if (offset !== this.#receiving.offset) {
      throw new TunnelError('protocol-error', 'DATA_AT leaves a gap')
    }
  }

  onFin(offset: number): void {
    this.#checkOpened()
    this.#receiving.finish(offset)
    this.#handlers.ended()
    if (this.isOpen) this.#host.owes(this)
    this.#endIfDone()
  }

  onCredit(received: number, limit: number): void {
    this.#checkOpened()
    this.sending.credit(received, limit)
    if (this.hasToSend) this.#host.ready(this)
    this.#endIfDone()
  }

  onReset(end: FlowEnd): void {
    if (this.isOver) return
    if (this.#state === 'resuming' && RETRIED.has(end.code)) this.#strand()
    else this.#brokenOff(end)
  }

  /** Tells the program that there is room again, once `write` has refused. */
  drain(): void {
    if (!this.#blocked || this.isOver) return
    if (this.sending.unsentBytes > this.#host.budget.firstWindowBytes / 2) return
    this.#blocked = false
    this.#handlers.drained()
  }

  /** Writes a CREDIT if it is worth one, or `whatever` it is worth. */
  putCreditIfDue(whatever = false): void {
    const receiving = this.#receiving
    if (!this.isOpen || !(receiving.isCreditDue || (whatever && receiving.owesAck))) return
    const { outbox } = this.#host
    const { received, limit } = receiving.credit()
    const at = outbox.reserve(CREDIT_FRAME_BYTES)
    putCredit(outbox.slab, at, this.stream, received, limit)
  }

  rest(nowMicros: number): void {
    this.#receiving.rest(nowMicros)
    this.putCreditIfDue(true)
    if (this.isOpen && !this.hasToSend && this.sending.hurry()) this.#host.ready(this)
  }

  /** Without a tunnel that carries it. */
  get #isAway(): boolean {
    return this.#state === 'detached' || this.#state === 'resuming'
  }

  #detach(): void {
    if (this.#state !== 'open' && this.#state !== 'resuming') return
    this.#state = 'detached'
    this.#host.left(this)
    this.#host.table.detached(this)
  }

  get #isGivenUp(): boolean {
    return this.isOver || this.#resetWhenBack !== undefined
  }

  #opened(info: OpenedInfo): void {
    this.#state = 'open'
    this.#info = info
    this.#host.table.opened(this)
  }

  #attached(): void {
    this.#state = 'open'
    this.#host.table.attached(this)
  }

  #brokenOff(end: FlowEnd): void {
    const isHeard = this.#resetWhenBack === undefined
    this.#finish(end)
    if (!isHeard) return
    if (end.code !== 'done') this.#handlers.reset(end)
    else if (this.#receiving.hasEnded) this.#handlers.done?.()
    else this.#handlers.reset({ ...end, code: 'tunnel-lost' })
  }

  #break(end: FlowEnd): void {
    const { stream } = this
    const wasAttached = this.#state !== 'detached'
    // Before the RESET, which may be one byte too much and end the tunnel with all its flows.
    this.#finish(end)
    if (!wasAttached || stream === 0) return
    this.#host.outbox.append(resetFrame(stream, end.code, end.reason))
  }

  /** The connector holds the origin's socket until it is told, or has waited long enough. */
  #resetLater(end: FlowEnd): void {
    this.#resetWhenBack = end
    this.sending.drop()
  }

  #sayGivenUp({ code, reason }: FlowEnd): void {
    this.#resetWhenBack = undefined
    this.reset(code, reason)
  }

  /** That edge could not take it back; another may. */
  #strand(): void {
    this.#state = 'detached'
    this.#host.left(this)
    this.#host.table.stranded(this)
  }

  #ready(): void {
    if (this.stream > 0 && !this.#isAway) this.#host.ready(this)
  }

  #checkAsker(): void {
    if (this.isAsked && this.isOpener) return
    throw new TunnelError('protocol-error', 'an answer to nothing that was asked')
  }

  #checkOpened(): void {
    if (this.isOpen || (this.isAsked && !this.isOpener)) return
    throw new TunnelError('protocol-error', 'bytes before the answer')
  }

  #endIfDone(): void {
    if (this.isOver || !this.sending.isDone || !this.#receiving.hasEnded) return
    this.putCreditIfDue(true)
    // That may have been one byte too much for the tunnel.
    if (!this.isOpen) return
    this.#finish(DONE)
    this.#handlers.done?.()
  }

  #finish(end: FlowEnd): void {
    if (this.isAsked) this.#host.answered()
    const wasAttached = this.#state !== 'detached'
    this.#state = 'over'
    this.#receiving.close()
    if (wasAttached) this.#host.left(this)
    this.#host.table.ended(this, end)
  }
}

const DONE: FlowEnd = { code: 'done', reason: '' }
const ABANDONED: FlowEnd = { code: 'cancelled', reason: '' }

/** An edge that cannot take a flow back says nothing about the flow. */
const RETRIED: ReadonlySet<ResetCode> = new Set([
  'connector-not-here',
  'shutting-down',
  'tunnel-lost',
  'rate-limited',
  'over-budget',
  'internal',
])
