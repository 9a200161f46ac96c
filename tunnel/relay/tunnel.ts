import { type ResetCode, TunnelError } from '../codes.ts'
import type { ControlMessage } from '../control.ts'
import type { PartyKey } from '../fair/rounds.ts'
import type { Outbox } from '../outbox.ts'
import type { LinkClosed } from '../port.ts'
import type { Session, SessionOwner } from '../session.ts'
import { Door, type DoorOptions } from './door.ts'
import type { RelayFlow, RelayHandlers } from './face.ts'
import { type Leg, LegTunnel } from './leg.ts'
import { OutQueue } from './queue.ts'
import { Switch } from './switch.ts'

export interface TunnelOptions extends Omit<DoorOptions, 'tunnel' | 'streams' | 'open' | 'resume'> {
  readonly role: 'client' | 'connector'
  /** READY's. */
  readonly features: readonly string[]
  readonly handlers: RelayHandlers
  makeSession(owner: SessionOwner): Session
}

/** One tunnel at the edge, with the legs of the flows that go over it. */
export class Tunnel extends LegTunnel {
  readonly queue: OutQueue
  readonly canResume: boolean
  readonly #role: 'client' | 'connector'
  readonly #handlers: RelayHandlers
  readonly #session: Session
  readonly #switch: Switch
  readonly #door: Door
  /** Why no flow is opened over it any more. */
  #closed: ResetCode | undefined

  constructor(options: TunnelOptions) {
    super()
    const { role, handlers, features } = options
    this.#role = role
    this.canResume = features.includes('resume')
    this.#handlers = handlers
    this.#session = options.makeSession(this.#owner())
    this.queue = new OutQueue(this.#session.outbox)
    this.#switch = new Switch(options)
    const open = (flow: RelayFlow) => handlers.open(flow)
    const resume = this.canResume ? handlers.resume?.bind(handlers) : undefined
    this.#door = new Door({ ...options, tunnel: this, streams: this.#switch, open, resume })
  }

  /** Separate from construction: the link may be closed already, and says so at once. */
  start(): void {
    this.#session.start()
  }

  get party(): PartyKey {
    return this.#handlers.party ?? this
  }

  get outbox(): Outbox {
    return this.#session.outbox
  }

  get flowCount(): number {
    return this.#switch.size
  }

  get flows(): Iterable<RelayFlow> {
    return [...this.#switch.legs].map((leg) => leg.flow)
  }

  get rttMs(): number | undefined {
    return this.#session.rttMs
  }

  get isInDoubt(): boolean {
    return this.#session.isInDoubt
  }

  probe(): void {
    this.#session.probe()
  }

  lose(reason: string): void {
    this.#session.lose(reason)
  }

  send(message: ControlMessage): void {
    this.#session.send(message)
  }

  close(code: ResetCode, reason: string): void {
    this.#session.close(code, reason)
  }

  goAway(reason = 'the edge is shutting down', spreadMs = 0): void {
    if (this.#closed) return
    this.#closed = 'shutting-down'
    this.#door.isShut = true
    const { lastStream } = this.#switch
    this.#session.goAway({ lastStream, spreadMs, code: 'shutting-down', reason })
  }

  tick(now: number): void {
    this.#session.tick(now, this.#isWaiting())
  }

  nextStream(): number {
    if (this.#role === 'client') throw new TypeError('flows are opened over connector tunnels')
    if (this.#closed) throw new TunnelError(this.#closed, 'the tunnel takes no more flows')
    if (this.outbox.isOverfull) throw new TunnelError('over-budget', 'the connector does not read')
    return this.#switch.lastStream + 1
  }

  add(leg: Leg): void {
    this.#switch.add(leg)
  }

  delete(leg: Leg): void {
    this.queue.drop(leg.receives)
    this.#switch.delete(leg)
  }

  answered(): void {
    this.#door.answered()
  }

  #owner(): SessionOwner {
    return {
      open: (stream, bytes, start, end) => this.#open(stream, bytes, start, end),
      resume: (stream, bytes, start, end) => this.#resume(stream, bytes, start, end),
      frame: (...frame) => this.#switch.frame(...frame),
      doubted: () => this.#handlers.doubted?.(),
      messageEnded: () => this.#switch.messageEnded(),
      control: (message) => this.#handlers.control(message),
      goAway: () => {
        this.#closed ??= 'shutting-down'
      },
      compose: () => this.queue.compose(),
      drained: () => this.#drained(),
      closed: (why) => this.#ended(why),
    }
  }

  #open(stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#role === 'connector') {
      throw new TunnelError('protocol-error', 'OPEN from a connector')
    }
    this.#switch.flush()
    this.#door.open(stream, bytes, start, end)
  }

  #resume(stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#role === 'connector') {
      throw new TunnelError('protocol-error', 'RESUME from a connector')
    }
    this.#switch.flush()
    this.#door.resume(stream, bytes, start, end)
  }

  /** Other tunnels' senders may go on, now that this one has taken what they sent. */
  #drained(): void {
    for (const direction of this.queue.settle()) direction.regrant(direction.freeBytes)
    if (this.queue.hasWaiting) this.outbox.turn()
  }

  #isWaiting(): boolean {
    for (const leg of this.#switch.legs) {
      const isUnanswered = leg.side === 'connector' && !leg.flow.isAnswered
      if (isUnanswered || leg.receives.isWaitingForAck) return true
    }
    return false
  }

  #ended(why: LinkClosed): void {
    this.#closed = 'tunnel-lost'
    const code = why.by === 'us' ? why.code : 'tunnel-lost'
    const end = { code, reason: why.reason }
    const mayComeBack = canComeBack(why)
    for (const leg of [...this.#switch.legs]) {
      if (mayComeBack) leg.flow.onLost(leg, end)
      else leg.flow.onEnd(leg, end)
    }
    this.#handlers.closed(why)
  }
}

/** An end that stops says so; a broken network, or this edge for its own reasons, ends no flow. */
function canComeBack({ by, code }: LinkClosed): boolean {
  if (by === 'peer') return code !== 'shutting-down' && code !== 'cancelled'
  return by === 'network' || KEEPS_FLOWS.has(code)
}

const KEEPS_FLOWS: ReadonlySet<ResetCode> = new Set(['tunnel-lost', 'shutting-down', 'over-budget'])
