import { Bucket } from './bucket.ts'
import { type ResetCode, TunnelError } from './codes.ts'
import type { ControlCodec, ControlMessage } from './control.ts'
import { readOffset } from './frames/bytes.ts'
import { Decoder, type FrameSink } from './frames/decoder.ts'
import { isControl, TYPE } from './frames/frame.ts'
import { readGoAway } from './frames/read.ts'
import { bodyFrame, type GoAway, goAwayFrame, pingFrame, receivedFrame } from './frames/write.ts'
import { eventsOf, type Rates } from './limits.ts'
import { Liveness, Progress, RoundTrip } from './liveness.ts'
import { Outbox, type SlabPool } from './outbox.ts'
import { Pace } from './pace/pace.ts'
import { LATE_MS, Receipts } from './pace/receipts.ts'
import type { LinkClosed, LinkPort, TunnelClock } from './port.ts'

export interface SessionOptions {
  readonly link: LinkPort
  readonly clock: TunnelClock
  readonly codec: ControlCodec
  readonly pool: SlabPool
  readonly rates: Rates
  readonly maxQueuedBytes: number
  /** Of the other side's frames, with their headers; left out: the longest there is. */
  readonly maxFrameBytes?: number | undefined
  /** Both sides tell what they have read (SPEC.md §6.4). */
  readonly received: boolean
  readonly owner: SessionOwner
}

/** Who has the flows of a tunnel: an endpoint or a relay. */
export interface SessionOwner {
  /** OPEN. May throw TunnelError, which closes the tunnel. */
  open(stream: number, bytes: Uint8Array, start: number, end: number): void
  /** RESUME. As `open`. */
  resume(stream: number, bytes: Uint8Array, start: number, end: number): void
  /** Another frame of a flow. May throw TunnelError, which closes the tunnel. */
  frame: FrameSink
  /** Every frame of a message, or of a piece of one, was handed on. */
  messageEnded(): void
  control(message: ControlMessage): void
  goAway(goAway: GoAway): void
  /** Nothing was heard for 4 s though something waits; once a doubt. */
  doubted(): void
  /** Once a turn: put what there is to send into the outbox. */
  compose(): void
  /** The kernel took bytes of the outbox. */
  drained(): void
  closed(why: LinkClosed): void
}

/** What both ends of any tunnel do beside its flows: liveness, control messages, rates, the end. */
export class Session {
  readonly outbox: Outbox
  readonly #options: SessionOptions
  readonly #decoder: Decoder
  readonly #liveness: Liveness
  readonly #trip = new RoundTrip()
  readonly #progress = new Progress()
  readonly #pings: Bucket
  readonly #controls: Bucket
  readonly #small: Bucket
  /** Undefined where the other end does not tell what it has read, … */
  readonly #pace: Pace | undefined
  /** … nor wants to be told. */
  readonly #receipts: Receipts | undefined
  #isTelling = false
  #over = false
  #isInDoubt = false
  /** A sign of life was asked for that has not come. */
  #isProbing = false

  constructor(options: SessionOptions) {
    const { link, clock, rates, owner, received } = options
    const now = clock.now()
    this.#options = options
    this.#decoder = new Decoder((...frame) => this.#frame(...frame), options.maxFrameBytes)
    this.#liveness = new Liveness(now)
    this.#pings = new Bucket(...rates.ping, now)
    this.#controls = new Bucket(...rates.control, now)
    this.#small = new Bucket(...rates.small, now)
    this.#pace = received ? new Pace(clock.micros()) : undefined
    this.#receipts = received ? new Receipts() : undefined
    this.outbox = new Outbox({
      ...options,
      pace: this.#pace,
      compose: () => this.#guard(() => this.#compose()),
      drained: () => this.#guard(() => owner.drained()),
      overflow: () => this.#overflow(),
    })
    link.onMessage = (message) => this.#message(message)
    this.#ping()
  }

  /** Starts to listen for the end of the link: when the owner can bear to hear it at once. */
  start(): void {
    this.#options.link.onClosed = (why) => this.#closed(why)
  }

  get isOver(): boolean {
    return this.#over
  }

  get isInDoubt(): boolean {
    return this.#isInDoubt
  }

  get rttMs(): number | undefined {
    return this.#trip.leastMs
  }

  send(message: ControlMessage): void {
    if (this.#over) return
    const { type, body } = this.#options.codec.encode(message)
    this.outbox.append(bodyFrame(type, 0, body))
  }

  goAway(goAway: GoAway): void {
    if (!this.#over) this.outbox.append(goAwayFrame(goAway))
  }

  /** `waiting`: bytes are unacknowledged or an OPEN is unanswered. */
  tick(now: number, waiting: boolean): void {
    if (this.#over) return
    const sign = this.#liveness.tick(now, waiting || this.#isProbing)
    if (sign === 'ping' || sign === 'doubt') this.#ping()
    if (sign === 'doubt') this.#doubt()
    if (sign === 'dead') this.#lose('nothing was heard from the other end')
    if (this.#progress.isStuck(now, this.outbox)) this.#overflow()
    if (this.#pace !== undefined) this.#tickPace(this.#pace)
  }

  /** Asks for a sign of life: without one, there is doubt in 4 s. */
  probe(): void {
    if (this.#over || this.#isProbing) return
    this.#isProbing = true
    this.#liveness.asked(this.#options.clock.now())
    this.#ping()
  }

  /** The network under the tunnel is known to be gone. */
  lose(reason: string): void {
    this.#lose(reason)
  }

  close(code: ResetCode, reason: string): void {
    if (this.#over) return
    this.outbox.close()
    this.#options.link.close(code, reason)
    this.#closed({ code, reason, by: 'us' })
  }

  #message(message: Uint8Array): void {
    if (this.#over) return
    this.#liveness.heard()
    this.#isInDoubt = false
    this.#isProbing = false
    try {
      const { length } = message
      this.#decoder.push(message)
      this.#countSmall()
      this.#options.owner.messageEnded()
      this.#receipts?.read(length)
      this.#tellSoon()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Much that was read is told at the end of this turn, less in a while. */
  #tellSoon(): void {
    if (!this.#receipts?.isWorth) return
    if (this.#receipts.isDue(this.#options.clock.micros())) this.outbox.wake()
    else if (!this.#isTelling) {
      this.#isTelling = true
      this.#options.clock.after(LATE_MS, () => {
        this.#isTelling = false
        if (this.#receipts?.isWorth) this.outbox.wake()
      })
    }
  }

  #compose(): void {
    if (this.#over) return
    if (this.#receipts?.isWorth) this.outbox.append(receivedFrame(this.#receipts.tell()))
    this.#options.owner.compose()
  }

  /** Whatever goes wrong while a message is read ends its tunnel and nothing else. */
  #fail(error: unknown): void {
    if (error instanceof TunnelError) this.close(error.code, error.message)
    else this.close('internal', error instanceof Error ? error.message : 'unknown error')
  }

  #frame(type: number, stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return
    if (type === TYPE.OPEN) this.#options.owner.open(stream, bytes, start, end)
    else if (type === TYPE.RESUME) this.#options.owner.resume(stream, bytes, start, end)
    else if (type > TYPE.OPEN && type <= TYPE.DATAGRAM) {
      this.#options.owner.frame(type, stream, bytes, start, end)
    } else if (isControl(type)) this.#control(type, bytes.subarray(start, end))
    else this.#tunnelFrame(type, bytes, start, end)
  }

  #tunnelFrame(type: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case TYPE.PING:
        this.#answerPing(bytes, start)
        break
      case TYPE.PONG:
        this.#pong(readOffset(bytes, start))
        break
      case TYPE.GOAWAY:
        this.#options.owner.goAway(readGoAway(bytes, start, end))
        break
      case TYPE.RECEIVED:
        if (this.#pace !== undefined) this.#received(this.#pace, readOffset(bytes, start))
        break
      default:
        throw new TunnelError('protocol-error', 'a handshake frame after READY', { type })
    }
  }

  #pong(sentMicros: number): void {
    const nowMicros = this.#options.clock.micros()
    this.#trip.add(nowMicros - sentMicros)
    this.#pace?.trip(sentMicros, nowMicros)
  }

  #received(pace: Pace, total: number): void {
    const nowMicros = this.#options.clock.micros()
    pace.received(total, nowMicros)
    if (pace.wantsPing(nowMicros)) this.#ping()
    this.outbox.wake()
  }

  #tickPace(pace: Pace): void {
    const nowMicros = this.#options.clock.micros()
    if (pace.tick(nowMicros)) this.outbox.wake()
    if (pace.wantsPing(nowMicros)) this.#ping()
  }

  #answerPing(bytes: Uint8Array, start: number): void {
    if (!this.#pings.take(this.#options.clock.now())) {
      throw new TunnelError('rate-limited', 'too many PINGs')
    }
    this.outbox.append(bodyFrame(TYPE.PONG, 0, bytes.subarray(start, start + 8)))
  }

  /** What is small costs more than it weighs: no honest end has so much to say in so little. */
  #countSmall(): void {
    if (this.#small.take(this.#options.clock.now(), 1 + this.#decoder.takeSmall())) return
    throw new TunnelError('rate-limited', 'too many small frames')
  }

  #control(type: number, body: Uint8Array): void {
    if (!this.#controls.take(this.#options.clock.now(), eventsOf(body.length))) {
      throw new TunnelError('rate-limited', 'too many control messages')
    }
    this.#options.owner.control(this.#options.codec.decode(type, body))
  }

  #doubt(): void {
    if (this.#isInDoubt) return
    this.#isInDoubt = true
    this.#options.owner.doubted()
  }

  #ping(): void {
    this.outbox.append(pingFrame(TYPE.PING, Math.floor(this.#options.clock.micros())))
  }

  #guard(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#fail(error)
    }
  }

  #overflow(): void {
    this.#lose('the other end does not read', 'over-budget')
  }

  #lose(reason: string, code: ResetCode = 'tunnel-lost'): void {
    if (this.#over) return
    this.#options.link.terminate()
    this.#closed({ code, reason, by: 'us' })
  }

  #closed(why: LinkClosed): void {
    if (this.#over) return
    this.#over = true
    this.outbox.close()
    this.#options.owner.closed(why)
  }
}
