import { type ResetCode, TunnelError } from './codes.ts'
import type { ControlCodec, ControlMessage } from './control.ts'
import { WindowBudget } from './endpoint/budget.ts'
import type { EndFlow } from './endpoint/end-flow.ts'
import type { FlowHost } from './endpoint/flow-host.ts'
import { type Carrier, FlowTable } from './endpoint/flow-table.ts'
import type { Incoming } from './endpoint/incoming.ts'
import { Opening } from './endpoint/opening.ts'
import { Streams } from './endpoint/streams.ts'
import { Taking } from './endpoint/taking.ts'
import { Turns } from './endpoint/turns.ts'
import type { Flow, FlowHandlers, OpenRequest } from './flow.ts'
import { resumeFrame } from './frames/resume.ts'
import { detachedFrame, type GoAway } from './frames/write.ts'
import { DEFAULT_RATES, type Limits, type Rates, sharedRates } from './limits.ts'
import { SlabPool } from './outbox.ts'
import type { LinkClosed, LinkPort, TunnelClock } from './port.ts'
import { Session } from './session.ts'

export { WindowBudget } from './endpoint/budget.ts'
export { type Carrier, FlowTable, type FlowTableOptions } from './endpoint/flow-table.ts'
export type { AcceptInfo } from './endpoint/incoming.ts'
export type * from './flow.ts'
export type { GoAway } from './frames/write.ts'

export interface EndpointOptions {
  /** A client opens flows; a connector is opened to. */
  readonly role: 'client' | 'connector'
  readonly link: LinkPort
  /** READY's. */
  readonly limits: Limits
  /** READY's; none when left out. */
  readonly features?: readonly string[]
  /** One for all endpoints of a process; without it no flow outlives this tunnel. */
  readonly flows?: FlowTable
  readonly clock: TunnelClock
  /** `controlCodec` of messages/control.ts. */
  readonly codec: ControlCodec
  readonly handlers: EndpointHandlers
  /** One for all endpoints of a process. */
  readonly budget?: WindowBudget
  readonly rates?: Rates
}

export interface EndpointHandlers {
  /** Connector only. Answer now or later with `accept` or `refuse`, once. */
  incoming(open: IncomingOpen): void
  control(message: ControlMessage): void
  /** The edge drains: it takes no flow that is opened from now on; those it has go on. */
  goAway(goAway: GoAway): void
  /** Nothing was heard for 4 s though something waits; once, until something is heard. */
  doubted?(): void
  /** The tunnel is gone; every flow that does not go on without it has had its `reset` before. */
  closed(why: LinkClosed): void
}

export type IncomingOpen = Omit<Incoming, 'holding' | 'attach'>

/** What waits for an other end that does not read, before the tunnel is given up. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024

/** One end of one tunnel after READY. Its owner calls `tick` about every second. */
export class Endpoint implements Carrier {
  readonly #options: EndpointOptions
  readonly #session: Session
  readonly #turns: Turns
  readonly #streams = new Streams()
  readonly #opening: Opening
  readonly #taking: Taking
  readonly #host: FlowHost<EndFlow>
  /** Both sides of this tunnel can resume flows. */
  readonly canResume: boolean

  constructor(options: EndpointOptions) {
    const {
      clock,
      limits,
      rates = sharedRates(DEFAULT_RATES),
      budget = new WindowBudget(),
    } = options
    const { features = [], flows } = options
    const streams = this.#streams
    this.canResume = flows !== undefined && features.includes('resume')
    this.#options = options
    this.#session = this.#makeSession(rates)
    this.#turns = new Turns(this.#session.outbox)
    const table = flows ?? new FlowTable({ clock, random: () => 0 })
    const host = this.#makeHost(budget, table)
    this.#host = host
    this.#opening = new Opening({ host, streams, limits, clock })
    this.#taking = new Taking({
      host,
      streams,
      table,
      limits,
      rates,
      clock,
      incoming: (open) => options.handlers.incoming(open),
    })
    this.#session.start()
  }

  get flowCount(): number {
    return this.#streams.size
  }

  /** The least of the last round trips; undefined before the first. */
  get rttMs(): number | undefined {
    return this.#session.rttMs
  }

  /** Whether a flow that is opened now has a chance. */
  get isOpen(): boolean {
    return this.#opening.closed === undefined
  }

  /** Silent for too long although something waits. */
  get isInDoubt(): boolean {
    return this.#session.isInDoubt
  }

  /** A detached flow may be asked for over this tunnel. */
  get canTakeBack(): boolean {
    return this.canResume && this.isOpen
  }

  get openFlows(): readonly EndFlow[] {
    return [...this.#streams].filter((flow) => flow.isOpen)
  }

  /** Asks for a detached flow: `FlowTable.resumeOn` does. @returns false when the tunnel is full */
  resume(flow: EndFlow): boolean {
    const streams = this.#streams
    if (!this.canTakeBack || streams.size >= this.#options.limits.maxFlows) return false
    streams.lastStream += 1
    const asked = flow.resumeOn(this.#host, streams.lastStream)
    streams.add(flow)
    this.#session.outbox.append(resumeFrame(flow.stream, asked))
    return true
  }

  /** Asks for a sign of life now; silence is doubt from now on, though nothing waits. */
  probe(): void {
    this.#session.probe()
  }

  /** The network under the tunnel is gone, as its owner knows. */
  lose(reason: string): void {
    this.#session.lose(reason)
  }

  /**
   * Opens a flow; no handler is called before this returns. A tunnel that is closed, drains or is
   * full answers through `refused`.
   * @throws RangeError for a request out of bounds
   */
  open(request: OpenRequest, handlers: FlowHandlers): Flow {
    return this.#opening.open(request, handlers)
  }

  send(message: ControlMessage): void {
    this.#session.send(message)
  }

  /** Liveness, acknowledgements that nothing carried so far, windows of flows that rest. */
  tick(now: number): void {
    const nowMicros = this.#options.clock.micros()
    let waiting = false
    for (const flow of this.#streams) {
      flow.rest(nowMicros)
      waiting ||= flow.isWaiting
    }
    this.#session.tick(now, waiting)
  }

  /** Opens and takes no more flows; those there are go on. */
  goAway(reason = 'this end is shutting down'): void {
    if (this.#opening.closed) return
    const { lastStream } = this.#streams
    this.#opening.closed = ['shutting-down', reason]
    this.#taking.lastTaken = lastStream
    this.#session.goAway({ lastStream, spreadMs: 0, code: 'shutting-down', reason })
  }

  /** Ends the tunnel; every flow on it gets `reset`. */
  close(code: ResetCode = 'shutting-down', reason = ''): void {
    this.#streams.resetAll({ code, reason })
    this.#session.close(code, reason)
  }

  #makeSession(rates: Rates): Session {
    const { link, clock, codec, handlers, features = [] } = this.#options
    return new Session({
      link,
      clock,
      codec,
      rates,
      pool: new SlabPool(),
      maxQueuedBytes: MAX_QUEUED_BYTES,
      received: features.includes('received'),
      owner: {
        open: (...frame) => this.#open(...frame),
        resume: (...frame) => this.#resume(...frame),
        frame: (...frame) => this.#streams.frame(...frame),
        messageEnded: () => {},
        control: (message) => handlers.control(message),
        goAway: (goAway) => this.#peerGoesAway(goAway),
        doubted: () => handlers.doubted?.(),
        compose: () => this.#turns.compose(),
        drained: () => {
          if (!this.#turns.isEmpty) this.#session.outbox.turn()
        },
        closed: (why) => this.#closed(why),
      },
    })
  }

  #makeHost(budget: WindowBudget, table: FlowTable): FlowHost<EndFlow> {
    const { clock, role } = this.#options
    const session = this.#session
    return {
      table,
      canResume: this.canResume,
      letGo: ({ stream }) => {
        if (!session.isOver) session.outbox.append(detachedFrame(stream, 'tunnel-lost', MOVED))
      },
      outbox: session.outbox,
      budget,
      micros: () => clock.micros(),
      get rttMs() {
        return session.rttMs
      },
      ready: (flow) => this.#turns.ready(flow),
      owes: (flow) => this.#turns.owes(flow),
      answered: () => {
        if (role === 'client') this.#opening.answered()
      },
      left: (flow) => this.#left(flow),
    }
  }

  #left(flow: EndFlow): void {
    this.#turns.forget(flow)
    this.#streams.delete(flow)
  }

  #open(stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#options.role === 'connector') this.#taking.open(stream, bytes, start, end)
    else throw new TunnelError('protocol-error', 'OPEN to a client')
  }

  #resume(stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#options.role === 'connector') this.#taking.resume(stream, bytes, start, end)
    else throw new TunnelError('protocol-error', 'RESUME to a client')
  }

  /** Flows that the other end will not take are refused here, so that they can go elsewhere. */
  #peerGoesAway(goAway: GoAway): void {
    this.#opening.closed ??= ['shutting-down', goAway.reason]
    for (const flow of [...this.#streams]) {
      if (flow.isAsked && flow.stream > goAway.lastStream) {
        flow.onRefused({ code: 'shutting-down', reason: goAway.reason, facts: {} })
      }
    }
    this.#options.handlers.goAway(goAway)
  }

  #closed(why: LinkClosed): void {
    this.#opening.closed = ['tunnel-lost', 'the tunnel is closed']
    if (isFinal(why)) this.#streams.resetAll(why)
    else this.#streams.loseAll(why)
    this.#options.handlers.closed(why)
  }
}

const MOVED = 'it goes on elsewhere'

/** The edge has said that there is nothing to come back to. */
const FINAL: ReadonlySet<ResetCode> = new Set([
  'session-revoked',
  'session-expired',
  'connector-revoked',
  'not-authenticated',
])

const isFinal = ({ by, code }: LinkClosed): boolean => by === 'peer' && FINAL.has(code)
