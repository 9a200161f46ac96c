import { type ResetCode, TunnelError } from '../codes.ts'
import type { Facts, FlowEnd, Protocol, Refusal } from '../flow.ts'
import { readU32 } from '../frames/bytes.ts'
import { type Open, openFrame, readOpened, refusedFrame, writeMicros } from '../frames/open.ts'
import { resetFrame } from '../frames/write.ts'
import type { TunnelClock } from '../port.ts'
import { Direction } from './direction.ts'
import { Early } from './early.ts'
import type { RelayFlowEnd, RelayFlowHandlers, RelayTunnel } from './face.ts'
import { type Leg, type LegFlow, LegTunnel } from './leg.ts'

/** One flow between two tunnels. */
export class Flow implements LegFlow {
  readonly flowId: string
  readonly attempt: number
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly context: Uint8Array
  handlers: RelayFlowHandlers | undefined
  readonly #clock: TunnelClock
  readonly #client: Leg
  #connector: Leg | undefined
  readonly #early = new Early()
  #gateMicros = 0
  #connectedAtMicros = 0
  #isAnswered = false
  #isOver = false

  constructor(open: Open, source: LegTunnel, stream: number, clock: TunnelClock) {
    const { flowId, attempt, name, port, protocol, context } = open
    this.flowId = flowId
    this.attempt = attempt
    this.name = name
    this.port = port
    this.protocol = protocol
    this.context = context
    this.#clock = clock
    this.#client = {
      flow: this,
      side: 'client',
      tunnel: source,
      stream,
      sends: new Direction(open.sendLimit, { sender: { tunnel: source, stream } }),
      receives: new Direction(Math.min(open.receiveLimit, source.queue.shareBytes), {
        ledger: source.queue,
      }),
      other: undefined,
    }
    source.add(this.#client)
  }

  get source(): RelayTunnel {
    return this.#client.tunnel
  }

  get target(): RelayTunnel | undefined {
    return this.#connector?.tunnel
  }

  get bytesUp(): number {
    return this.#client.sends.offset
  }

  get bytesDown(): number {
    return this.#client.receives.offset
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  connect(target: RelayTunnel, context: Uint8Array, gateMicros: number): void {
    if (!(target instanceof LegTunnel)) throw new TypeError('a tunnel of another relay')
    if (this.#isOver) throw new TunnelError('cancelled', 'the client gave the flow up')
    if (this.#connector) throw new TypeError('the flow is connected already')
    const leg = this.#addLeg(target, target.nextStream())
    this.#gateMicros = gateMicros
    this.#connectedAtMicros = this.#clock.micros()
    const { flowId, attempt, name, port, protocol } = this
    const limits = { sendLimit: leg.receives.granted, receiveLimit: leg.sends.granted }
    const open = { flowId, attempt, name, port, protocol, context, ...limits }
    target.outbox.append(openFrame(leg.stream, open))
    this.#early.sendTo(leg)
  }

  refuse(code: ResetCode, reason: string, facts: Facts = {}): void {
    if (this.#isOver) return
    if (this.#connector) throw new TypeError('the flow is connected already')
    this.#tellRefused({ code, reason, facts })
    this.#forget()
  }

  reset(code: ResetCode, reason: string): void {
    this.#tellReset(this.#client, { code, reason })
    this.#tellReset(this.#connector, { code, reason })
    this.#end({ code, reason, by: 'edge' })
  }

  hold(bytes: Uint8Array): void {
    this.#early.add(bytes)
  }

  holdFin(): void {
    this.#early.hasEnded = true
  }

  onOpened(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isAnswered) throw new TunnelError('protocol-error', 'OPENED twice')
    this.#answered()
    const atConnector = readU32(bytes, start + 8) + readU32(bytes, start + 12)
    writeMicros(bytes, start, this.#gateMicros)
    writeMicros(bytes, start + 4, this.#clock.micros() - this.#connectedAtMicros - atConnector)
    this.handlers?.opened?.(readOpened(bytes, start, end))
  }

  onRefused(refusal: Refusal): void {
    if (this.#isAnswered) throw new TunnelError('protocol-error', 'REFUSED after OPENED')
    this.#tellRefused(refusal)
    this.handlers?.refused?.(refusal)
    this.#end({ code: refusal.code, reason: refusal.reason, by: 'connector' })
  }

  onEnd(from: Leg, { code, reason }: FlowEnd): void {
    this.#tellReset(from.other, { code, reason })
    this.#end({ code, reason, by: from.side })
  }

  onMistake(from: Leg, { code, reason }: FlowEnd): void {
    this.#tellReset(from, { code, reason })
    this.onEnd(from, { code, reason })
  }

  endIfDone(): void {
    if (!this.#client.sends.isDone || !this.#client.receives.isDone) return
    this.#end({ code: 'done', reason: '', by: 'client' })
  }

  #addLeg(tunnel: LegTunnel, stream: number): Leg {
    const { sends, receives } = this.#client
    const leg: Leg = {
      flow: this,
      side: 'connector',
      tunnel,
      stream,
      sends: receives,
      receives: sends,
      other: this.#client,
    }
    receives.sender = { tunnel, stream }
    sends.leaveBy(tunnel.queue)
    this.#connector = leg
    this.#client.other = leg
    tunnel.add(leg)
    return leg
  }

  #answered(): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#client.tunnel.answered()
  }

  #tellRefused(refusal: Refusal): void {
    this.#client.tunnel.outbox.append(refusedFrame(this.#client.stream, refusal))
  }

  #tellReset(leg: Leg | undefined, { code, reason }: FlowEnd): void {
    if (!this.#isOver) leg?.tunnel.outbox.append(resetFrame(leg.stream, code, reason))
  }

  #end(end: Pick<RelayFlowEnd, 'code' | 'reason' | 'by'>): void {
    if (this.#isOver) return
    this.#forget()
    const { bytesUp, bytesDown } = this
    this.handlers?.closed({ ...end, bytesUp, bytesDown })
  }

  #forget(): void {
    this.#isOver = true
    this.#early.drop()
    this.#client.sends.close()
    this.#client.receives.close()
    this.#answered()
    this.#client.tunnel.delete(this.#client)
    this.#connector?.tunnel.delete(this.#connector)
  }
}
