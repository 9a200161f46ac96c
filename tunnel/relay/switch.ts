import { Bucket } from '../bucket.ts'
import { TunnelError } from '../codes.ts'
import { readOffset, writeOffset, writeU32 } from '../frames/bytes.ts'
import { HEADER_BYTES, TYPE } from '../frames/frame.ts'
import { readRefused } from '../frames/open.ts'
import { readCode, readCredit } from '../frames/read.ts'
import type { Rates } from '../limits.ts'
import type { TunnelClock } from '../port.ts'
import type { Leg } from './leg.ts'
import { Run } from './run.ts'

export interface SwitchOptions {
  readonly clock: TunnelClock
  readonly rates: Rates
}

/** Where the frames of one tunnel go: each to the other leg of its flow. */
export class Switch {
  readonly #clock: TunnelClock
  readonly #resets: Bucket
  readonly #legs = new Map<number, Leg>()
  readonly #run = new Run()
  /** The highest stream that was ever used: streams are never used twice (SPEC.md §4). */
  lastStream = 0

  constructor({ clock, rates }: SwitchOptions) {
    this.#clock = clock
    this.#resets = new Bucket(...rates.reset, clock.now())
  }

  get size(): number {
    return this.#legs.size
  }

  get legs(): Iterable<Leg> {
    return this.#legs.values()
  }

  add(leg: Leg): void {
    this.lastStream = Math.max(this.lastStream, leg.stream)
    this.#legs.set(leg.stream, leg)
  }

  delete(leg: Leg): void {
    this.#legs.delete(leg.stream)
  }

  flush(): void {
    this.#run.flush()
  }

  messageEnded(): void {
    this.#run.flush()
  }

  /**
   * A mistake ends its flow at both ends and nothing else.
   * @throws TunnelError for a stream that was never opened, or too many RESETs
   */
  frame(type: number, stream: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === TYPE.RESET || type === TYPE.DETACHED) this.#countReset()
    const leg = this.#legs.get(stream)
    if (leg === undefined) {
      this.#checkLate(type, stream)
      return
    }
    try {
      this.#route(leg, type, bytes, start, end)
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error
      this.#run.flush()
      leg.flow.onMistake(leg, { code: error.code, reason: error.message })
    }
  }

  #route(leg: Leg, type: number, bytes: Uint8Array, start: number, end: number): void {
    // A connector's tunnel is not one person's alone, to end with all its flows.
    const isShared = leg.side === 'client'
    const isFarewell = type === TYPE.RESET || type === TYPE.DETACHED
    if (isShared && !isFarewell && leg.other?.tunnel.outbox.isOverfull) {
      throw new TunnelError('over-budget', 'the other end does not read')
    }
    switch (type) {
      case TYPE.DATA:
        this.#data(leg, bytes, start, end, 0)
        break
      case TYPE.CREDIT:
        this.#credit(leg, bytes, start, end)
        break
      case TYPE.FIN:
        this.#fin(leg, bytes, start, end)
        break
      case TYPE.DATA_AT:
        this.#dataAt(leg, bytes, start, end)
        break
      case TYPE.RESET:
        this.#run.flush()
        leg.flow.onEnd(leg, readCode(bytes, start, end))
        break
      case TYPE.DETACHED:
        this.#run.flush()
        leg.flow.onLost(leg, { ...readCode(bytes, start, end), code: 'tunnel-lost' })
        break
      default:
        this.#answer(leg, type, bytes, start, end)
    }
  }

  /** `skip`: bytes of the payload before the flow's own. */
  #data(leg: Leg, bytes: Uint8Array, start: number, end: number, skip: number): void {
    checkOpened(leg)
    leg.sends.relay(end - start - skip)
    const { other } = leg
    if (other === undefined) {
      leg.flow.hold(bytes.subarray(start + skip, end))
      return
    }
    const { tunnel } = other
    if (tunnel.queue.isBacklogged(this.#run.aheadOf(tunnel))) this.#wait(other, bytes, start, end)
    else tunnel.queue.mark(leg.sends, this.#run.add(other, bytes, start, end))
  }

  /** The frame takes its turn behind others that go the same way. */
  #wait(to: Leg, bytes: Uint8Array, start: number, end: number): void {
    const from = start - HEADER_BYTES
    writeU32(bytes, from + 4, to.stream)
    const frames = { bytes, start: from, end, offset: to.receives.offset }
    to.tunnel.queue.wait(to, frames)
  }

  #dataAt(leg: Leg, bytes: Uint8Array, start: number, end: number): void {
    if (readOffset(bytes, start) !== leg.sends.offset) {
      throw new TunnelError('protocol-error', 'DATA_AT leaves a gap')
    }
    this.#data(leg, bytes, start, end, 8)
  }

  #fin(leg: Leg, bytes: Uint8Array, start: number, end: number): void {
    checkOpened(leg)
    leg.sends.finish(readOffset(bytes, start))
    const { other } = leg
    if (other === undefined) leg.flow.holdFin()
    else if (other.receives.isInTurns) this.#wait(other, bytes, start, end)
    else this.#run.add(other, bytes, start, end)
  }

  /** `received` goes on as it is; `limit` never beyond what this tunnel should have to queue. */
  #credit(leg: Leg, bytes: Uint8Array, start: number, end: number): void {
    checkOpened(leg)
    const { received, limit } = readCredit(bytes, start)
    const { granted: before, acknowledged } = leg.receives
    const granted = leg.receives.credit(received, limit, leg.receives.freeBytes)
    // Before `connect` the limit is kept for OPEN.
    if (leg.other === undefined) return
    // What says nothing new would only keep the other end busy.
    if (granted === before && leg.receives.acknowledged === acknowledged) return
    writeOffset(bytes, start + 8, granted)
    this.#run.add(leg.other, bytes, start, end)
    leg.flow.endIfDone()
  }

  #answer(leg: Leg, type: number, bytes: Uint8Array, start: number, end: number): void {
    if (leg.side === 'client' || leg.other === undefined) throw misplaced(type)
    switch (type) {
      case TYPE.OPENED:
        leg.flow.onOpened(bytes, start, end)
        this.#run.add(leg.other, bytes, start, end)
        break
      case TYPE.RESUMED:
        leg.flow.onResumed(bytes, start)
        this.#run.add(leg.other, bytes, start, end)
        leg.flow.endIfDone()
        break
      case TYPE.REFUSED:
        this.#run.flush()
        leg.flow.onRefused(readRefused(bytes, start, end))
        break
      default:
        throw misplaced(type)
    }
  }

  #countReset(): void {
    if (this.#resets.take(this.#clock.now())) return
    throw new TunnelError('rate-limited', 'too many flows are ended')
  }

  /** What comes late for a flow that is over, or goes on elsewhere, is dropped. */
  #checkLate(type: number, stream: number): void {
    if (stream <= this.lastStream) return
    throw new TunnelError('protocol-error', 'a frame of a stream that was never opened', { type })
  }
}

/** An opener may send at once; a client that resumes must hear first where the connector stands. */
function checkOpened({ side, flow }: Leg): void {
  if ((side === 'connector' || flow.kind === 'resume') && !flow.isAnswered) {
    throw new TunnelError('protocol-error', 'bytes before the answer')
  }
}

const misplaced = (type: number) =>
  new TunnelError('protocol-error', 'a frame that this end cannot send', { type })
