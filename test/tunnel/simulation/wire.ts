import type { ResetCode } from '../../../tunnel/codes.ts'
import type { LinkClosed, LinkPort } from '../../../tunnel/port.ts'
import type { Chance } from './chance.ts'
import type { SimTime } from './time.ts'

/** How a tunnel's network behaves. */
export interface Weather {
  readonly time: SimTime
  readonly chance: Chance
  /** The longest that a message is under way. */
  readonly delayMs: number
  /** Hears of every message that arrives, to tell the story of a seed. */
  readonly tell?: ((at: SimLink, message: Uint8Array) => void) | undefined
}

const LOST = { code: 'tunnel-lost', reason: 'the wire broke', by: 'network' } as const

/** One side of a wire. Messages arrive late, in order, sometimes in pieces, or not at all. */
export class SimLink implements LinkPort {
  readonly headroomBytes = 4
  readonly messageBytes = 4096
  readonly #weather: Weather
  #onMessage: ((message: Uint8Array) => void) | undefined
  #onClosed: ((why: LinkClosed) => void) | undefined
  #early: Uint8Array[] = []
  #why: LinkClosed | undefined
  #arriveAt = 0
  /** This side says nothing more and hears nothing more. */
  isOver = false
  /** What it sends is swallowed by the network. */
  isMute = false
  peer: SimLink | undefined
  /** For people. */
  name = ''

  constructor(weather: Weather) {
    this.#weather = weather
  }

  get onMessage() {
    return this.#onMessage
  }

  set onMessage(listener) {
    this.#onMessage = listener
    for (const message of this.#early.splice(0)) listener?.(message)
  }

  get onClosed() {
    return this.#onClosed
  }

  set onClosed(listener) {
    this.#onClosed = listener
    if (this.#why) listener?.(this.#why)
  }

  headroomFor(length: number): number {
    return length > 125 ? 4 : 2
  }

  send(message: Uint8Array, written: () => void = () => {}): void {
    const { time, chance, delayMs } = this.#weather
    if (this.isOver) {
      written()
      return
    }
    const copy = Uint8Array.from(message)
    const tookMs = chance.next() * delayMs
    time.after(tookMs / 2, () => {
      if (!this.isOver) written()
    })
    if (this.isMute) return
    this.#arriveAt = Math.max(this.#arriveAt, time.exactMs + tookMs)
    const { peer } = this
    time.at(this.#arriveAt, () => peer?.arrive(copy, this))
  }

  sendSlab(slab: Uint8Array, ends: readonly number[], written: () => void): void {
    let start = 0
    for (const end of ends) {
      const body = start + this.headroomFor(end - start - this.headroomBytes)
      this.send(slab.subarray(body, end), end === ends.at(-1) ? written : undefined)
      start = end
    }
  }

  close(code: ResetCode, reason: string): void {
    if (this.isOver) return
    this.#end()
    const { time } = this.#weather
    const { peer } = this
    const at = Math.max(this.#arriveAt, time.exactMs)
    time.at(at, () => peer?.learn({ code, reason, by: 'peer' }))
  }

  terminate(): void {
    if (this.isOver) return
    this.#end()
    const { time, chance } = this.#weather
    const { peer } = this
    // Nobody may ever hear of it: the other side finds out by the silence.
    if (chance.is(0.7)) time.after(chance.next() * 2000, () => peer?.learn(LOST))
  }

  /** The process at this side is gone. */
  die(): void {
    this.#end()
    this.#onMessage = undefined
    this.#onClosed = undefined
  }

  arrive(message: Uint8Array, from: SimLink): void {
    if (this.isOver || from.isMute) return
    const { chance } = this.#weather
    if (message.length < 2 || chance.is(0.85)) {
      this.#deliver(message)
      return
    }
    const cut = chance.whole(1, message.length - 1)
    this.#deliver(message.slice(0, cut))
    if (!this.isOver) this.#deliver(message.slice(cut))
  }

  learn(why: LinkClosed): void {
    if (this.isOver) return
    this.#end()
    this.#why = why
    this.#onClosed?.(why)
  }

  #end(): void {
    this.isOver = true
    this.#early = []
  }

  #deliver(message: Uint8Array): void {
    this.#weather.tell?.(this, message)
    if (this.#onMessage) this.#onMessage(message)
    else this.#early.push(message)
  }
}

/** A tunnel's wire: `a` is the end, `b` the edge. */
export class SimWire {
  readonly a: SimLink
  readonly b: SimLink
  readonly #weather: Weather

  /** `name`: for people. */
  constructor(weather: Weather, name: string) {
    this.#weather = weather
    this.a = new SimLink(weather)
    this.b = new SimLink(weather)
    this.a.name = `${name} hears`
    this.b.name = `edge hears ${name}`
    this.a.peer = this.b
    this.b.peer = this.a
  }

  get isUp(): boolean {
    return !this.a.isOver && !this.b.isOver
  }

  /** What is under way is lost; the sides learn it late, each at its own time, or by the silence. */
  cut(): void {
    const { time, chance } = this.#weather
    for (const side of [this.a, this.b]) {
      side.isMute = true
      if (chance.is(0.8)) time.after(chance.next() * 3000, () => side.learn(LOST))
    }
  }

  /** Packets one way only. */
  halve(): void {
    const side = this.#weather.chance.is(0.5) ? this.a : this.b
    side.isMute = true
  }
}
