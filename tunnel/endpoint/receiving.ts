import { TunnelError } from '../codes.ts'
import type { WindowBudget } from './budget.ts'
import { Trial } from './trial.ts'

/** Half a window consumed in less than this and four round trips of a hop: the window is too small. */
const FAST_MICROS = 16_000
/** Half a window in more than this: the window is wasted on this flow. */
const SLOW_MICROS = 2_000_000
const LEAST_STEP_BYTES = 4096
const MOST_STEP_BYTES = 128 * 1024

/** Where a receiver stands: the next offset that it expects, and up to where it takes bytes. */
export interface Standing {
  readonly received: number
  readonly limit: number
  /** `received` counts FIN. */
  readonly hasFin: boolean
}

/** The receiving half of a flow: what has come, what the program took, what may still come. */
export class Receiving {
  readonly #budget: WindowBudget
  #received = 0
  #consumed = 0
  #limit: number
  #window: number
  #told = 0
  #ended = false
  #growing = false
  #halfFrom = 0
  #halfSinceMicros = 0
  #trial: Trial | undefined
  #wholeFrom = 0
  #wholeSinceMicros = 0

  /** `limit`: what the other end was told with OPEN, or said there itself. */
  constructor(limit: number, budget: WindowBudget) {
    this.#limit = limit
    this.#budget = budget
    budget.enter()
    this.#window = budget.firstWindowBytes
  }

  /** Bytes received; the offset of the next. */
  get offset(): number {
    return this.#received
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /** @throws TunnelError `flow-control` for bytes beyond the credit, `protocol-error` after FIN */
  receive(bytes: number): void {
    if (this.#ended) throw new TunnelError('protocol-error', 'DATA after FIN')
    if (this.#received + bytes > this.#limit) {
      throw new TunnelError('flow-control', 'more bytes than the credit allows')
    }
    this.#received += bytes
  }

  /** @throws TunnelError `protocol-error` when bytes are missing */
  finish(offset: number): void {
    if (this.#ended || offset !== this.#received) {
      throw new TunnelError('protocol-error', 'FIN is not at the end of the bytes')
    }
    this.#ended = true
  }

  /** The program took `bytes`. */
  consume(bytes: number, nowMicros: number, rttMs: number): void {
    this.#consumed = Math.min(this.#received, this.#consumed + bytes)
    if (this.#consumed - this.#halfFrom < this.#window / 2) return
    const tookMicros = nowMicros - this.#halfSinceMicros
    this.#halfFrom = this.#consumed
    this.#halfSinceMicros = nowMicros
    if (tookMicros < FAST_MICROS + 4000 * rttMs) this.#grow()
    else if (tookMicros > SLOW_MICROS) this.#shrink()
    else this.#try(nowMicros)
  }

  /** Gives back what the flow does not use at the moment. */
  rest(nowMicros: number): void {
    if (this.#growing && nowMicros - this.#halfSinceMicros > SLOW_MICROS) this.#shrink()
  }

  /** Something that the other end has not been told. */
  get owesAck(): boolean {
    return this.#ackOffset > this.#told
  }

  /** Worth a CREDIT of its own now. Waiting for a quarter of the window would stall the sender. */
  get isCreditDue(): boolean {
    if (this.#ended) return this.owesAck
    const step = Math.min(MOST_STEP_BYTES, Math.max(LEAST_STEP_BYTES, this.#window >>> 3))
    return this.#nextLimit - this.#limit >= step || this.#received - this.#told >= 2 * step
  }

  /** What CREDIT, RESUME or RESUMED says now; counts as told. */
  credit(): Standing {
    this.#limit = Math.max(this.#limit, this.#nextLimit)
    this.#told = this.#ackOffset
    return { received: this.#told, limit: this.#limit, hasFin: this.#ended }
  }

  /** The other end was told of this limit by another way. */
  allow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  close(): void {
    this.#stopGrowing()
    this.#budget.leave()
  }

  get #ackOffset(): number {
    return this.#received + (this.#ended ? 1 : 0)
  }

  get #nextLimit(): number {
    return this.#consumed + this.#window
  }

  get #mostWindow(): number {
    return this.#growing ? this.#budget.grownWindowBytes : this.#budget.firstWindowBytes
  }

  /** The halves come in bursts where the round trip is long: whole windows are compared. */
  #try(nowMicros: number): void {
    const bytes = this.#consumed - this.#wholeFrom
    this.#window = Math.min(this.#window, this.#mostWindow)
    if (bytes < this.#window) return
    const tookMicros = nowMicros - this.#wholeSinceMicros
    this.#wholeFrom = this.#consumed
    this.#wholeSinceMicros = nowMicros
    this.#trial ??= new Trial()
    const verdict = this.#trial.taken(bytes, tookMicros, nowMicros)
    if (verdict === 'grow') this.#double()
    else if (verdict === 'shrink') this.#halve()
  }

  #grow(): void {
    this.#trial?.reset()
    this.#double()
  }

  #halve(): void {
    const first = this.#budget.firstWindowBytes
    this.#window = Math.max(first, this.#window / 2)
    if (this.#window === first) this.#stopGrowing()
  }

  #double(): void {
    if (!this.#growing) {
      this.#growing = true
      this.#budget.startGrowing()
    }
    this.#window = Math.min(this.#mostWindow, this.#window * 2)
  }

  #shrink(): void {
    this.#trial?.reset()
    this.#stopGrowing()
    this.#window = Math.min(this.#window, this.#mostWindow)
  }

  #stopGrowing(): void {
    if (!this.#growing) return
    this.#growing = false
    this.#budget.stopGrowing()
  }
}
