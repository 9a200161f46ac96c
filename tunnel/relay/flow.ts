import { type ResetCode, TunnelError } from '../codes.ts'
import type { PartyKey } from '../fair/rounds.ts'
import type { Facts, FlowEnd, Protocol, Refusal } from '../flow.ts'
import { readU32, writeOffset } from '../frames/bytes.ts'
import { type Open, openFrame, readOpened, refusedFrame, writeMicros } from '../frames/open.ts'
import { type Resume, readResumed, resumeFrame } from '../frames/resume.ts'
import { detachedFrame, resetFrame } from '../frames/write.ts'
import type { TunnelClock } from '../port.ts'
import { Direction } from './direction.ts'
import { Early } from './early.ts'
import type { RelayFlowEnd, RelayFlowHandlers, RelayTunnel } from './face.ts'
import { type Leg, type LegFlow, LegTunnel } from './leg.ts'

/** What a client sent: OPEN, or RESUME of a flow that another attachment carried before. */
export type Asked =
  | { readonly kind: 'open'; readonly open: Open }
  | { readonly kind: 'resume'; readonly resume: Resume }

/** One flow between two tunnels, for one attachment. */
export class Flow implements LegFlow {
  readonly flowId: string
  readonly attempt: number
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  /** Empty once it has been judged: it is kept by nobody. */
  context: Uint8Array
  handlers: RelayFlowHandlers | undefined
  readonly #resume: Resume | undefined
  readonly #clock: TunnelClock
  readonly #client: Leg
  #connector: Leg | undefined
  readonly #early = new Early()
  #gateMicros = 0
  #connectedAtMicros = 0
  #isAnswered = false
  #isOver = false

  constructor(asked: Asked, source: LegTunnel, stream: number, clock: TunnelClock) {
    const about = asked.kind === 'open' ? asked.open : asked.resume
    this.flowId = about.flowId
    this.attempt = about.attempt
    this.name = about.name
    this.port = about.port
    this.protocol = about.protocol
    this.context = about.context
    this.#resume = asked.kind === 'resume' ? asked.resume : undefined
    this.#clock = clock
    this.#client = {
      flow: this,
      side: 'client',
      tunnel: source,
      stream,
      // Of a flow that is resumed nothing comes before RESUMED says from where on.
      sends: new Direction(asked.kind === 'open' ? asked.open.sendLimit : 0, {
        sender: { tunnel: source, stream },
      }),
      receives: receivesOf(asked, source),
      other: undefined,
    }
    source.add(this.#client)
  }

  get kind(): 'open' | 'resume' {
    return this.#resume ? 'resume' : 'open'
  }

  get instance(): string | undefined {
    return this.#resume?.instance
  }

  get party(): PartyKey {
    return this.#client.tunnel.party
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
    target.outbox.append(this.#question(leg, context))
    this.#early.sendTo(leg)
    this.context = NOTHING
  }

  refuse(code: ResetCode, reason: string, facts: Facts = {}): void {
    if (this.#isOver) return
    if (this.#connector) throw new TypeError('the flow is connected already')
    if (this.#resume) this.#tellReset(this.#client, { code, reason })
    else this.#tellRefused({ code, reason, facts })
    this.#forget()
  }

  reset(code: ResetCode, reason: string): void {
    this.#tellReset(this.#client, { code, reason })
    this.#tellReset(this.#connector, { code, reason })
    this.#end({ code, reason, by: 'edge' })
  }

  detach(reason: string): void {
    this.#tellDetached(this.#client, reason)
    this.#tellDetached(this.#connector, reason)
    this.#leave({ code: 'tunnel-lost', reason, by: 'edge' })
  }

  hold(bytes: Uint8Array): void {
    this.#early.add(bytes)
  }

  holdFin(): void {
    this.#early.hasEnded = true
  }

  onOpened(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isAnswered || this.#resume) throw new TunnelError('protocol-error', 'OPENED twice')
    this.#answered()
    const atConnector = readU32(bytes, start + 8) + readU32(bytes, start + 12)
    writeMicros(bytes, start, this.#gateMicros)
    writeMicros(bytes, start + 4, this.#sinceConnect - atConnector)
    this.handlers?.opened?.(readOpened(bytes, start, end))
  }

  onRefused(refusal: Refusal): void {
    if (this.#isAnswered || this.#resume) {
      throw new TunnelError('protocol-error', 'REFUSED to no OPEN')
    }
    this.#tellRefused(refusal)
    this.handlers?.refused?.(refusal)
    this.#end({ code: refusal.code, reason: refusal.reason, by: 'connector' })
  }

  onResumed(bytes: Uint8Array, start: number): void {
    const resumed = readResumed(bytes, start)
    if (this.#isAnswered || resumed.attempt !== this.#resume?.attempt) {
      throw new TunnelError('protocol-error', 'RESUMED to no RESUME')
    }
    this.#answered()
    const info = { attempt: this.attempt, gateMicros: this.#gateMicros }
    writeOffset(bytes, start + 12, this.#client.sends.place(resumed, this.#client.sends.freeBytes))
    writeMicros(bytes, start + 20, this.#gateMicros)
    writeMicros(bytes, start + 24, this.#sinceConnect)
    this.handlers?.resumed?.({ ...info, relayMicros: Math.round(this.#sinceConnect) })
  }

  onEnd(from: Leg, { code, reason }: FlowEnd): void {
    this.#tellReset(from.other, { code, reason })
    this.#end({ code, reason, by: from.side })
  }

  onLost(from: Leg, end: FlowEnd): void {
    if (this.#canGoOn(from)) {
      this.#tellDetached(from.other, end.reason)
      this.#leave({ ...end, by: from.side })
    } else this.onEnd(from, end)
  }

  onMistake(from: Leg, { code, reason }: FlowEnd): void {
    this.#tellReset(from, { code, reason })
    this.onEnd(from, { code, reason })
  }

  endIfDone(): void {
    if (!this.#client.sends.isDone || !this.#client.receives.isDone) return
    this.#end({ code: 'done', reason: '', by: 'client' })
  }

  get #sinceConnect(): number {
    return this.#clock.micros() - this.#connectedAtMicros
  }

  /** Both ends know how to find each other again: nothing of it is lost. */
  #canGoOn(from: Leg): boolean {
    const canResume = from.tunnel.canResume && this.#connector?.tunnel.canResume === true
    return canResume && this.#client.tunnel.canResume && (this.#isAnswered || !!this.#resume)
  }

  #question(leg: Leg, context: Uint8Array): Uint8Array {
    const { flowId, attempt, name, port, protocol } = this
    const about = { flowId, attempt, name, port, protocol, context }
    if (this.#resume) {
      return resumeFrame(leg.stream, { ...this.#resume, context, limit: leg.sends.granted })
    }
    const limits = { sendLimit: leg.receives.granted, receiveLimit: leg.sends.granted }
    return openFrame(leg.stream, { ...about, ...limits })
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
    sends.leaveBy(tunnel.queue.shareOf(this.party))
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

  #tellDetached(leg: Leg | undefined, reason: string): void {
    if (!this.#isOver) leg?.tunnel.outbox.append(detachedFrame(leg.stream, 'tunnel-lost', reason))
  }

  #end(end: FirstHand): void {
    if (this.#isOver) return
    this.#forget()
    this.handlers?.closed(this.#withBytes(end))
  }

  #leave(end: FirstHand): void {
    if (this.#isOver) return
    this.#forget()
    const { handlers } = this
    if (handlers?.detached) handlers.detached(this.#withBytes(end))
    else handlers?.closed(this.#withBytes(end))
  }

  #withBytes(end: FirstHand): RelayFlowEnd {
    const { bytesUp, bytesDown } = this
    return { ...end, bytesUp, bytesDown }
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

type FirstHand = Pick<RelayFlowEnd, 'code' | 'reason' | 'by'>

/** What goes to the client: from the beginning, or from where the client stands. */
function receivesOf(asked: Asked, { queue, party }: LegTunnel): Direction {
  const share = queue.shareOf(party)
  if (asked.kind === 'open') {
    return new Direction(Math.min(asked.open.receiveLimit, share.freeBytes), { share })
  }
  const direction = new Direction(0, { share })
  direction.place(asked.resume, share.freeBytes)
  return direction
}

const NOTHING = new Uint8Array(0)
