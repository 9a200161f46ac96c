import type { ResetCode } from '../codes.ts'
import type { Facts, Flow, FlowEnd, FlowHandlers, OpenedInfo, Protocol } from '../flow.ts'
import { type Open, openedFrame, refusedFrame } from '../frames/open.ts'
import { Held } from '../held.ts'
import type { EndFlow } from './end-flow.ts'

export type AcceptInfo = Pick<OpenedInfo, 'instance' | 'resolveMicros' | 'connectMicros'>

/** What an `Incoming` needs of its endpoint. */
export interface IncomingHost {
  append(frame: Uint8Array): void
  defer(task: () => void): void
}

/**
 * An OPEN at the connector that waits for its answer. What the opener sends meanwhile is kept, no more
 * than its first credit.
 */
export class Incoming {
  readonly flowId: string
  readonly attempt: number
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly context: Uint8Array
  /** Called when the other end gives up before the answer: stop dialling. */
  onCancelled: ((end: FlowEnd) => void) | undefined
  readonly #host: IncomingHost
  readonly #held = new Held()
  #hasDrained = false
  #cancelled: FlowEnd | undefined
  #flow: EndFlow | undefined

  constructor(host: IncomingHost, open: Open) {
    this.#host = host
    this.flowId = open.flowId
    this.attempt = open.attempt
    this.name = open.name
    this.port = open.port
    this.protocol = open.protocol
    this.context = open.context
  }

  /** The handlers of the flow until it is answered. */
  holding(): FlowHandlers {
    return {
      data: (chunk) => this.#held.add(chunk),
      ended: () => {
        this.#held.hasEnded = true
      },
      reset: (end) => this.#cancel(end),
      drained: () => {
        this.#hasDrained = true
      },
    }
  }

  attach(flow: EndFlow): void {
    this.#flow = flow
  }

  /**
   * The origin is there. No handler is called before the end of this turn; if the opener gave up
   * meanwhile, that is `reset`.
   * @throws TypeError when it was answered before
   */
  accept(info: AcceptInfo, handlers: FlowHandlers): Flow {
    const flow = this.#takeFlow()
    if (!this.#cancelled) {
      const said = { ...info, gateMicros: 0, relayMicros: 0 }
      this.#host.append(openedFrame(flow.stream, said))
      flow.answered(said)
    }
    // Not before the caller has the flow in its hands.
    this.#host.defer(() => this.#handOver(flow, handlers))
    return flow
  }

  /** @throws TypeError when it was answered before */
  refuse(code: ResetCode, reason: string, facts: Facts = {}): void {
    const flow = this.#takeFlow()
    if (this.#cancelled) return
    this.#host.append(refusedFrame(flow.stream, { code, reason, facts }))
    flow.abandon()
  }

  #takeFlow(): EndFlow {
    const flow = this.#flow
    if (flow === undefined) throw new TypeError('this OPEN was answered before')
    this.#flow = undefined
    return flow
  }

  #cancel(end: FlowEnd): void {
    this.#cancelled = end
    this.#held.drop()
    this.onCancelled?.(end)
  }

  #handOver(flow: EndFlow, handlers: FlowHandlers): void {
    if (this.#cancelled) handlers.reset(this.#cancelled)
    flow.handTo(handlers)
    const early = this.#held.take()
    if (early.length > 0 && !flow.isOver) handlers.data(early)
    if (this.#held.hasEnded && !flow.isOver) handlers.ended()
    if (this.#hasDrained && !flow.isOver) handlers.drained()
  }
}
