import { Bucket } from '../bucket.ts'
import { type ResetCode, TunnelError } from '../codes.ts'
import { type Open, readOpen, refusedFrame } from '../frames/open.ts'
import { readResume } from '../frames/resume.ts'
import { resetFrame } from '../frames/write.ts'
import type { Limits, Rates } from '../limits.ts'
import type { TunnelClock } from '../port.ts'
import { beginStream } from '../used-streams.ts'
import { EndFlow } from './end-flow.ts'
import type { FlowHost } from './flow-host.ts'
import type { FlowTable } from './flow-table.ts'
import { Incoming } from './incoming.ts'
import { Return, type Returning } from './return.ts'
import type { Streams } from './streams.ts'

export interface TakingOptions {
  readonly host: FlowHost<EndFlow>
  readonly streams: Streams
  readonly table: FlowTable
  readonly limits: Limits
  readonly rates: Rates
  readonly clock: TunnelClock
  incoming(open: Incoming): void
}

/** The connector's door: OPENs in, flows that wait for their answer out. */
export class Taking {
  readonly #options: TakingOptions
  readonly #opens: Bucket
  readonly #resumes: Bucket
  readonly #returns: Return
  /** After GOAWAY: the last stream that is still taken. */
  lastTaken = Number.POSITIVE_INFINITY

  constructor(options: TakingOptions) {
    this.#options = options
    const { rates, clock } = options
    this.#opens = new Bucket(...rates.open, clock.now())
    this.#resumes = new Bucket(...rates.resume, clock.now())
    this.#returns = new Return(options)
  }

  /** @throws TunnelError when the edge breaks the rules of streams */
  open(stream: number, bytes: Uint8Array, start: number, end: number): void {
    beginStream(this.#options.streams, stream)
    const open = readOpen(bytes, start, end)
    const refusal = this.#reasonNotToTake(stream, open)
    if (refusal) this.#refuse(stream, ...refusal)
    else this.#take(stream, open)
  }

  /** @throws TunnelError when the edge breaks the rules of streams */
  resume(stream: number, bytes: Uint8Array, start: number, end: number): void {
    beginStream(this.#options.streams, stream)
    const { host, clock } = this.#options
    if (!host.canResume) throw new TunnelError('unsupported', 'no flow is resumed here')
    const resume = readResume(bytes, start, end)
    const isTooFast = !this.#resumes.take(clock.now())
    const refusal = isTooFast ? TOO_FAST : this.#reasonNotToCarry(stream)
    if (refusal) host.outbox.append(resetFrame(stream, ...refusal))
    else this.#returns.resume(stream, this.#partyOf(resume), resume)
  }

  #take(stream: number, open: Open): void {
    const party = this.#partyOf(open)
    if (this.#options.host.canResume && open.attempt > 1) {
      if (this.#returns.openAgain(stream, party, open)) return
    }
    this.#ask(stream, party, open)
  }

  /** The door of the process is asked whether it wants the flow. */
  #ask(stream: number, party: string | undefined, open: Open): void {
    const { host, streams, clock, incoming } = this.#options
    const asked = new Incoming(
      { append: (frame) => host.outbox.append(frame), defer: (task) => clock.defer(task) },
      open,
    )
    const { flowId, name, port, protocol, attempt } = open
    // The opener's words of both limits are turned round here: it sends what this end receives.
    const limits = { sendLimit: open.receiveLimit, receiveLimit: open.sendLimit }
    const request = { flowId, name, port, protocol, context: NOTHING }
    const start = { opener: 'peer', request, stream, attempt, party, ...limits } as const
    const flow = new EndFlow(host, start, asked.holding())
    asked.attach(flow)
    streams.add(flow)
    incoming(asked)
  }

  /** Nobody's, where the edge says nothing that can be read: it is never given back to anybody. */
  #partyOf({ context }: Returning): string | undefined {
    try {
      return this.#options.table.partyOf(context)
    } catch (error) {
      if (error instanceof TunnelError) return undefined
      throw error
    }
  }

  #reasonNotToTake(stream: number, open: Open): Refused | undefined {
    const { limits, clock } = this.#options
    if (!this.#opens.take(clock.now())) return TOO_FAST
    if (open.protocol === 'udp') return ['unsupported', 'UDP is not carried yet']
    if (open.sendLimit > limits.initialWindowBytes) {
      return ['flow-control', 'the first window is larger than READY allows']
    }
    return this.#reasonNotToCarry(stream)
  }

  #reasonNotToCarry(stream: number): Refused | undefined {
    const { limits, streams } = this.#options
    if (stream > this.lastTaken) return ['shutting-down', 'this connector is shutting down']
    if (streams.size < limits.maxFlows) return undefined
    return ['over-budget', 'this connector has too many flows']
  }

  #refuse(stream: number, code: ResetCode, reason: string): void {
    this.#options.host.outbox.append(refusedFrame(stream, { code, reason, facts: {} }))
  }
}

type Refused = readonly [ResetCode, string]
const TOO_FAST: Refused = ['rate-limited', 'too many flows at once']
const NOTHING = new Uint8Array(0)
