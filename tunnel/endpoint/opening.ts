import type { ResetCode } from '../codes.ts'
import type { Flow, FlowHandlers, OpenRequest } from '../flow.ts'
import { checkRequest, openFrame } from '../frames/open.ts'
import { initialShare, type Limits } from '../limits.ts'
import type { TunnelClock } from '../port.ts'
import { EndFlow } from './end-flow.ts'
import type { FlowHost } from './flow-host.ts'
import type { Streams } from './streams.ts'

export interface OpeningOptions {
  readonly host: FlowHost<EndFlow>
  readonly streams: Streams
  readonly limits: Limits
  readonly clock: TunnelClock
}

/** The client's door: requests in, OPENs out. */
export class Opening {
  readonly #options: OpeningOptions
  #asked = 0
  /** Why no flow is opened any more. */
  closed: [ResetCode, string] | undefined

  constructor(options: OpeningOptions) {
    this.#options = options
  }

  /** @throws RangeError for a request out of bounds */
  open(request: OpenRequest, handlers: FlowHandlers): Flow {
    checkRequest(request)
    const refusal = this.#reasonNotToOpen(request)
    return refusal ? this.#refused(request, handlers, ...refusal) : this.#ask(request, handlers)
  }

  /** An OPEN was answered or given up. */
  answered(): void {
    this.#asked -= 1
  }

  #ask(request: OpenRequest, handlers: FlowHandlers): Flow {
    const { host, streams, limits } = this.#options
    streams.lastStream += 1
    this.#asked += 1
    const limitsOfFlow = {
      sendLimit: initialShare(limits, streams.size),
      receiveLimit: host.budget.firstWindowBytes,
    }
    const stream = streams.lastStream
    const attempt = request.attempt ?? 1
    const flow = new EndFlow(
      host,
      { opener: 'us', request, stream, attempt, ...limitsOfFlow },
      handlers,
    )
    streams.add(flow)
    host.outbox.append(openFrame(stream, { ...request, attempt, ...limitsOfFlow }))
    return flow
  }

  #reasonNotToOpen({ protocol }: OpenRequest): [ResetCode, string] | undefined {
    const { limits, streams } = this.#options
    if (this.closed) return this.closed
    if (protocol === 'udp') return ['unsupported', 'UDP is not carried yet']
    const isFull = streams.size >= limits.maxFlows || this.#asked >= limits.maxPendingOpens
    return isFull ? ['over-budget', 'the tunnel is full'] : undefined
  }

  /** Says no after the caller has the flow in its hands, as the edge would. */
  #refused(request: OpenRequest, handlers: FlowHandlers, code: ResetCode, reason: string): Flow {
    const { host, clock } = this.#options
    this.#asked += 1
    const none = { stream: 0, attempt: 1, sendLimit: 0, receiveLimit: 0 }
    const start = { opener: 'us', request, ...none } as const
    const flow = new EndFlow(host, start, handlers)
    clock.defer(() => {
      if (!flow.isOver) flow.onRefused({ code, reason, facts: {} })
    })
    return flow
  }
}
