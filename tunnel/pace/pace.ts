import { TunnelError } from '../codes.ts'
import { Bandwidth } from './bandwidth.ts'

/** Whatever the line: less would stall it between two RECEIVEDs. */
const LEAST_BYTES = 64 * 1024
/** While nothing is known of the line. */
const FIRST_BYTES = 128 * 1024
/** What may wait in the line, or be late because the other end is busy: what comes in this time, … */
const WAIT_MICROS = 15_000
/** … but of a fast line, which less keeps full, no more than these, … */
const WAIT_BYTES = 256 * 1024
const FAST_WAIT_MICROS = 1000
/** … and of a long one so much of a round trip, to find out when it has become faster. */
const WAIT_SHARE = 1 / 16
/** While the line shows more with every round trip, as much more is given. */
const GROWTH = 2
/** Queues make round trips long: the least one is measured again after so long. */
const TRIP_LIFE_MICROS = 10_000_000
/** A drained line, for the next measure, has at most this or half of what it holds. */
const DRAINED_BYTES = 16 * 1024
/** A measure that takes longer tells nothing of the line. */
const DRAIN_MICROS = 2_500_000
/** A line that moves is told of more often. */
const SILENT_MICROS = 15_000
/** So many round trips a packet may take that was lost once. */
const LOST_TRIPS = 1.5
/** Nothing was told for so long: the line, or the other end, does not keep its word. */
const STUCK_MICROS = 2_000_000

/**
 * How much of a tunnel's bytes may be on their way, which is in TLS, in the kernel and in the line
 * (SPEC.md §6.4): what the line carries in a round trip and little more, or a keystroke waits behind
 * it all. Only counts; times in microseconds.
 */
export class Pace {
  readonly #bandwidth = new Bandwidth()
  #given = 0
  #told = 0
  #toldAtMicros: number
  #tripMicros: number | undefined
  #tripAtMicros: number
  /** The rate when the round trip was measured. */
  #tripRate = 0
  /** The limit was reached since then: only then a measure is worth what it costs. */
  #wasReached = false
  /** The line is drained for a measure; then a PING is out. */
  #drain: { readonly sinceMicros: number; pingAtMicros?: number } | undefined
  /** More than the limit, for an other end that is silent. */
  #relief = 0

  constructor(nowMicros: number) {
    this.#toldAtMicros = nowMicros
    this.#tripAtMicros = nowMicros
  }

  /** How much may be given now, after `total` bytes. */
  spareBytes(total: number, nowMicros: number): number {
    const spare = this.#told + this.limitBytes - total
    return spare > 0 ? spare : spare + this.#silentBytes(nowMicros)
  }

  /** How much more may be on its way than has been told of, as long as it is told of. */
  get limitBytes(): number {
    return this.#relief + (this.#drain === undefined ? this.#fullBytes : this.#drainedBytes)
  }

  /**
   * Behind a packet that was lost the line goes on as before, though nothing is told of until that has
   * come once more.
   */
  #silentBytes(nowMicros: number): number {
    if (this.#drain !== undefined) return 0
    const mostMicros = (this.#tripMicros ?? 0) * LOST_TRIPS
    const silentMicros = Math.min(mostMicros, nowMicros - this.#toldAtMicros - SILENT_MICROS)
    return Math.max(0, silentMicros) * this.#bandwidth.bytesPerMicro
  }

  get #fullBytes(): number {
    const rate = this.#bandwidth.bytesPerMicro
    if (rate === 0 || this.#tripMicros === undefined) return FIRST_BYTES
    const growth = this.#bandwidth.isFilled ? 1 : GROWTH
    const waitMicros = Math.max(fastWaitMicros(rate), this.#tripMicros * WAIT_SHARE)
    return Math.max(LEAST_BYTES, rate * (this.#tripMicros * growth + waitMicros))
  }

  get #drainedBytes(): number {
    const held = this.#bandwidth.bytesPerMicro * (this.#tripMicros ?? 0)
    return Math.max(DRAINED_BYTES, held / 2)
  }

  /** In all, `total` bytes were given to the carrier. */
  given(total: number, nowMicros: number): void {
    if (total - this.#told > 0 && this.#given === this.#told) this.#toldAtMicros = nowMicros
    this.#given = total
    this.#wasReached ||= total - this.#told >= this.limitBytes
    this.#bandwidth.given(total, nowMicros)
  }

  /** The sender has nothing more to give than `total`, though it might. */
  idle(total: number): void {
    this.#bandwidth.idle(total)
  }

  /**
   * RECEIVED: the other end has read `total` bytes; a lower one than before says nothing.
   * @throws TunnelError `protocol-error` for what was never given
   */
  received(total: number, nowMicros: number): void {
    if (total > this.#given) {
      throw new TunnelError('protocol-error', 'RECEIVED tells of what was not sent')
    }
    if (total <= this.#told) return
    this.#told = total
    this.#toldAtMicros = nowMicros
    this.#relief = 0
    this.#bandwidth.told(total, nowMicros)
  }

  /** PONG, of a PING that was sent at `sentMicros`. */
  trip(sentMicros: number, nowMicros: number): void {
    const micros = nowMicros - sentMicros
    if (micros < 0) return
    const pingAt = this.#drain?.pingAtMicros
    if (pingAt !== undefined && sentMicros >= pingAt) {
      this.#measured(micros, nowMicros)
      return
    }
    this.#tripMicros = Math.min(this.#tripMicros ?? micros, micros)
  }

  /** The line is drained: a PING now tells how long it is. */
  wantsPing(nowMicros: number): boolean {
    if (this.#drain === undefined || this.#drain.pingAtMicros !== undefined) return false
    if (this.#given - this.#told > this.#drainedBytes) return false
    this.#drain.pingAtMicros = Math.floor(nowMicros)
    return true
  }

  /** About every second; tells whether more may be on its way than before. */
  tick(nowMicros: number): boolean {
    const { limitBytes } = this
    if (this.#isStuck(nowMicros)) this.#relieve()
    if (this.#drain !== undefined) {
      if (nowMicros - this.#drain.sinceMicros > DRAIN_MICROS) this.#endDrain(nowMicros)
    } else if (this.#isTripOld(nowMicros)) this.#drain = { sinceMicros: nowMicros }
    return this.limitBytes > limitBytes
  }

  #isStuck(nowMicros: number): boolean {
    const isBound = this.#given - this.#told >= this.limitBytes / 2
    return isBound && nowMicros - this.#toldAtMicros > STUCK_MICROS
  }

  /** An other end that never tells is not bounded; one that did may have a line that is stuck. */
  #relieve(): void {
    this.#relief = this.#told === 0 ? Number.POSITIVE_INFINITY : this.#relief + LEAST_BYTES
  }

  #isTripOld(nowMicros: number): boolean {
    if (!this.#wasReached) return false
    const isSlower = this.#bandwidth.bytesPerMicro < this.#tripRate / 2
    return isSlower || nowMicros - this.#tripAtMicros > TRIP_LIFE_MICROS
  }

  /** So much shorter than thought: too much was still in the line, and it is shorter yet. */
  #measured(micros: number, nowMicros: number): void {
    const isShorter = micros < (this.#tripMicros ?? 0) * 0.75
    this.#tripMicros = micros
    if (isShorter) this.#drain = { sinceMicros: nowMicros }
    else this.#endDrain(nowMicros)
  }

  #endDrain(nowMicros: number): void {
    this.#drain = undefined
    this.#tripAtMicros = nowMicros
    this.#wasReached = false
    this.#tripRate = this.#bandwidth.bytesPerMicro
  }
}

/** `rate`: bytes in a microsecond. */
const fastWaitMicros = (rate: number): number =>
  Math.min(WAIT_MICROS, FAST_WAIT_MICROS + WAIT_BYTES / rate)
