import { type ResetCode, TunnelError } from '../codes.ts'
import type { Flow, FlowEnd, FlowHandlers, OpenedInfo, Refusal } from '../flow.ts'
import { CREDIT_FRAME_BYTES, putCredit, resetFrame } from '../frames/write.ts'
import type { Outbox } from '../outbox.ts'
import type { WindowBudget } from './budget.ts'
import { Receiving } from './receiving.ts'
import { Sending } from './sending.ts'

/** What a flow needs of the endpoint that it belongs to. */
export interface FlowHost {
  readonly outbox: Outbox
  readonly budget: WindowBudget
  micros(): number
  readonly rttMs: number | undefined
  /** The flow has bytes or FIN to send. */
  ready(flow: EndFlow): void
  /** The flow has a CREDIT to send. */
  owes(flow: EndFlow): void
  /** The flow's OPEN has its answer, or is given up. */
  answered(): void
  /** The flow is over: forget its stream. */
  gone(flow: EndFlow): void
}

export interface FlowStart {
  /** Who said OPEN: this end or the other. The opener gets nothing before OPENED. */
  readonly opener: 'us' | 'peer'
  readonly id: string
  /** 0: it is refused here, and the other end must never hear of it. */
  readonly stream: number
  readonly sendLimit: number
  readonly receiveLimit: number
}

/** `asked`: OPEN is out or in and not answered. */
type State = 'asked' | 'open' | 'over'

/** One end of one flow. Errors of the peer about this flow end this flow only (SPEC.md §9.2). */
export class EndFlow implements Flow {
  readonly id: string
  readonly stream: number
  readonly sending: Sending
  readonly #isOpener: boolean
  readonly #receiving: Receiving
  readonly #host: FlowHost
  #handlers: FlowHandlers
  #state: State = 'asked'
  #blocked = false

  constructor(host: FlowHost, start: FlowStart, handlers: FlowHandlers) {
    this.id = start.id
    this.stream = start.stream
    this.#isOpener = start.opener === 'us'
    this.#host = host
    this.#handlers = handlers
    this.sending = new Sending(start.sendLimit)
    this.#receiving = new Receiving(start.receiveLimit, host.budget)
  }

  get bytesSent(): number {
    return this.sending.endOffset
  }

  get bytesReceived(): number {
    return this.#receiving.offset
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  get isAsked(): boolean {
    return this.#state === 'asked'
  }

  /** Something is on its way whose acknowledgement is missed. */
  get isWaiting(): boolean {
    return this.#state === 'asked' || this.sending.isWaitingForAck
  }

  get hasToSend(): boolean {
    return this.sending.sendableBytes > 0 || this.sending.isFinDue
  }

  write(chunk: Uint8Array, free?: () => void): boolean {
    if (this.isOver || this.sending.hasEnded) return false
    this.sending.write(chunk, free)
    this.#ready()
    this.#blocked = this.sending.unsentBytes >= this.#host.budget.firstWindowBytes
    return !this.#blocked
  }

  end(): void {
    if (this.isOver || this.sending.hasEnded) return
    this.sending.finish()
    this.#ready()
  }

  reset(code: ResetCode, reason = ''): void {
    if (this.isOver) return
    // Before the RESET, which may be one byte too much and end the tunnel with all its flows.
    this.#finish()
    if (this.stream > 0) this.#host.outbox.append(resetFrame(this.stream, code, reason))
  }

  consumed(bytes: number): void {
    if (this.isOver) return
    this.#receiving.consume(bytes, this.#host.micros(), this.#host.rttMs ?? 0)
    if (this.#receiving.isCreditDue) this.#host.owes(this)
  }

  /** The connector's side has said OPENED. */
  answered(): void {
    this.#state = 'open'
    this.#host.owes(this)
  }

  /** From now on these are told; the ones before kept what came. */
  handTo(handlers: FlowHandlers): void {
    if (!this.isOver) this.#handlers = handlers
  }

  /** Over without a word to anybody. */
  abandon(): void {
    if (!this.isOver) this.#finish()
  }

  onOpened(info: OpenedInfo): void {
    this.#checkAsker()
    this.#state = 'open'
    this.#host.answered()
    this.#handlers.opened?.(info)
  }

  onRefused(refusal: Refusal): void {
    this.#checkAsker()
    this.#finish()
    if (this.#handlers.refused) this.#handlers.refused(refusal)
    else this.#handlers.reset(refusal)
  }

  onData(chunk: Uint8Array): void {
    this.#checkOpened()
    this.#receiving.receive(chunk.length)
    this.#handlers.data(chunk)
    if (!this.isOver && this.#receiving.isCreditDue) this.#host.owes(this)
  }

  /** The peer broke the rules of this flow: it ends at both ends, the tunnel goes on. */
  fail(end: FlowEnd): void {
    if (this.isOver) return
    this.reset(end.code, end.reason)
    this.#handlers.reset(end)
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
    if (!this.isOver) this.#host.owes(this)
    this.#endIfDone()
  }

  onCredit(received: number, limit: number): void {
    this.sending.credit(received, limit)
    if (this.hasToSend) this.#host.ready(this)
    this.#endIfDone()
  }

  onReset(end: FlowEnd): void {
    if (this.isOver) return
    this.#finish()
    this.#handlers.reset(end)
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
    if (this.#state !== 'open' || !(receiving.isCreditDue || (whatever && receiving.owesAck)))
      return
    const { outbox } = this.#host
    const { received, limit } = receiving.credit()
    const at = outbox.reserve(CREDIT_FRAME_BYTES)
    putCredit(outbox.slab, at, this.stream, received, limit)
  }

  rest(nowMicros: number): void {
    this.#receiving.rest(nowMicros)
    this.putCreditIfDue(true)
  }

  #ready(): void {
    if (this.stream > 0) this.#host.ready(this)
  }

  #checkAsker(): void {
    if (this.isAsked && this.#isOpener) return
    throw new TunnelError('protocol-error', 'an answer to nothing that was asked')
  }

  #checkOpened(): void {
    if (this.isAsked && this.#isOpener) {
      throw new TunnelError('protocol-error', 'bytes before OPENED')
    }
  }

  #endIfDone(): void {
    if (this.isOver || !this.sending.isDone || !this.#receiving.hasEnded) return
    this.putCreditIfDue(true)
    // That may have been one byte too much for the tunnel.
    if (this.isOver) return
    this.#finish()
    this.#handlers.done?.()
  }

  #finish(): void {
    if (this.isAsked) this.#host.answered()
    this.#state = 'over'
    this.#receiving.close()
    this.#host.gone(this)
  }
}
