import { Pace } from '../../tunnel/pace/pace.ts'
import { LATE_MS, Receipts } from '../../tunnel/pace/receipts.ts'

const STEP_MICROS = 500
const MESSAGE_BYTES = 16_384

export interface LineOptions {
  readonly mbit: number
  readonly oneWayMs: number
  /** The other end never tells what it has read. */
  readonly isMute?: boolean
  /** Every so many messages one is lost, and those behind it wait until it has come once more. */
  readonly lostEvery?: number
}

interface Arrival {
  readonly atMicros: number
  act(): void
}

/**
 * A sender that always has more, paced by RECEIVED over one simulated line: bytes wait for the line,
 * then travel. The way back is never full.
 */
export class PacedLine {
  readonly pace = new Pace(0)
  readonly receipts = new Receipts()
  /** Bytes the sender wants to send in all; it is idle beyond. */
  wantedBytes = Number.POSITIVE_INFINITY
  nowMicros = 0
  givenBytes = 0
  readBytes = 0
  /** What a keystroke would have waited for, every step. */
  waitsMs: number[] = []
  #options: LineOptions
  #freeAtMicros = 0
  #inOrderMicros = 0
  #messages = 0
  #arrivals: Arrival[] = []
  #untoldSince = 0

  constructor(options: LineOptions) {
    this.#options = options
    this.#ping()
  }

  become(options: LineOptions): void {
    this.#options = options
  }

  run(ms: number): void {
    const endMicros = this.nowMicros + ms * 1000
    while (this.nowMicros < endMicros) {
      this.nowMicros += STEP_MICROS
      this.#arrive()
      this.#tell()
      if (this.nowMicros % 1_000_000 === 0) this.pace.tick(this.nowMicros)
      if (this.pace.wantsPing(this.nowMicros)) this.#ping()
      this.#send()
      this.waitsMs.push(Math.max(0, this.#freeAtMicros - this.nowMicros) / 1000)
    }
  }

  #send(): void {
    const { pace } = this
    while (this.givenBytes < this.wantedBytes) {
      if (pace.spareBytes(this.givenBytes, this.nowMicros) <= 0) return
      const size = Math.min(MESSAGE_BYTES, this.wantedBytes - this.givenBytes)
      this.givenBytes += size
      if (this.givenBytes === this.wantedBytes) pace.idle(this.givenBytes)
      pace.given(this.givenBytes, this.nowMicros)
      this.#carry(size, () => this.#read(size), this.#lostMicros())
    }
  }

  #read(size: number): void {
    this.readBytes += size
    if (!this.receipts.isWorth) this.#untoldSince = this.nowMicros
    this.receipts.read(size)
  }

  #tell(): void {
    const isLate = this.nowMicros - this.#untoldSince >= LATE_MS * 1000
    const isDue = this.receipts.isDue(this.nowMicros) || (isLate && this.receipts.isWorth)
    if (this.#options.isMute || !isDue) return
    const total = this.receipts.tell()
    this.#after(this.#delayMicros, () => this.pace.received(total, this.nowMicros))
  }

  #ping(): void {
    const sentMicros = this.nowMicros
    const back = () => this.pace.trip(sentMicros, this.nowMicros)
    this.#carry(100, () => this.#after(this.#delayMicros, back))
  }

  #carry(bytes: number, act: () => void, lostMicros = 0): void {
    const start = Math.max(this.#freeAtMicros, this.nowMicros)
    this.#freeAtMicros = start + (bytes * 8) / this.#options.mbit
    const arrives = this.#freeAtMicros + this.#delayMicros + lostMicros
    this.#inOrderMicros = Math.max(this.#inOrderMicros, arrives)
    this.#after(this.#inOrderMicros - this.nowMicros, act)
  }

  /** TCP learns of a loss after a round trip, and sends once more. */
  #lostMicros(): number {
    const { lostEvery = Number.POSITIVE_INFINITY } = this.#options
    this.#messages += 1
    return this.#messages % lostEvery === 0 ? 2 * this.#delayMicros : 0
  }

  get #delayMicros(): number {
    return this.#options.oneWayMs * 1000
  }

  #after(micros: number, act: () => void): void {
    this.#arrivals.push({ atMicros: this.nowMicros + micros, act })
  }

  #arrive(): void {
    const due = this.#arrivals.filter(({ atMicros }) => atMicros <= this.nowMicros)
    this.#arrivals = this.#arrivals.filter(({ atMicros }) => atMicros > this.nowMicros)
    for (const { act } of due.sort((a, b) => a.atMicros - b.atMicros)) act()
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
