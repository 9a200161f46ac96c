import { Bucket } from '../bucket.ts'
import { type ResetCode, TunnelError } from '../codes.ts'
import { type Open, readOpen, refusedFrame } from '../frames/open.ts'
import type { Limits, Rates } from '../limits.ts'
import type { TunnelClock } from '../port.ts'
import { EndFlow, type FlowHost } from './end-flow.ts'
import { Incoming } from './incoming.ts'
import type { Streams } from './streams.ts'

export interface TakingOptions {
  readonly host: FlowHost
  readonly streams: Streams
  readonly limits: Limits
  readonly rates: Rates
  readonly clock: TunnelClock
  incoming(open: Incoming): void
}

/** The connector's door: OPENs in, flows that wait for their answer out. */
export class Taking {
  readonly #options: TakingOptions
  readonly #opens: Bucket
  /** After GOAWAY: the last stream that is still taken. */
  lastTaken = Number.POSITIVE_INFINITY

  constructor(options: TakingOptions) {
    this.#options = options
    this.#opens = new Bucket(...options.rates.open, options.clock.now())
  }

  /** @throws TunnelError when the edge breaks the rules of streams */
  open(stream: number, bytes: Uint8Array, start: number, end: number): void {
    const { streams } = this.#options
    if (stream <= streams.lastStream) {
      throw new TunnelError('protocol-error', 'a stream is used twice', { stream })
    }
    streams.lastStream = stream
    const open = readOpen(bytes, start, end)
    const refusal = this.#reasonNotToTake(stream, open)
    if (refusal) this.#refuse(stream, ...refusal)
    else this.#take(stream, open)
  }

  #take(stream: number, open: Open): void {
    const { host, streams, clock, incoming } = this.#options
    const asked = new Incoming(
      { append: (frame) => host.outbox.append(frame), defer: (task) => clock.defer(task) },
      open,
    )
    // The opener's words of both limits are turned round here: it sends what this end receives.
    const start = {
      opener: 'peer' as const,
      id: open.flowId,
      stream,
      sendLimit: open.receiveLimit,
      receiveLimit: open.sendLimit,
    }
    const flow = new EndFlow(host, start, asked.holding())
    asked.attach(flow)
    streams.add(flow)
    incoming(asked)
  }

  #reasonNotToTake(stream: number, open: Open): [ResetCode, string] | undefined {
    const { limits, streams, clock } = this.#options
    if (stream > this.lastTaken) return ['shutting-down', 'this connector is shutting down']
    if (!this.#opens.take(clock.now())) return ['rate-limited', 'too many flows at once']
    if (open.protocol === 'udp') return ['unsupported', 'UDP is not carried yet']
    if (open.sendLimit > limits.initialWindowBytes) {
      return ['flow-control', 'the first window is larger than READY allows']
    }
    return streams.size >= limits.maxFlows
      ? ['over-budget', 'this connector has too many flows']
      : undefined
  }

  #refuse(stream: number, code: ResetCode, reason: string): void {
    this.#options.host.outbox.append(refusedFrame(stream, { code, reason, facts: {} }))
  }
}
