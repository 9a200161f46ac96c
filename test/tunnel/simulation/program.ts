import type { Flow, FlowEnd, FlowHandlers } from '../../../tunnel/flow.ts'
import type { Chance } from './chance.ts'
import type { SimTime } from './time.ts'

/** What happened to a flow that explains why it was broken off. */
export type Cause =
  | 'client-reset'
  | 'connector-reset'
  | 'cut'
  | 'unanswered'
  | 'kept-apart'
  | 'haunted'

/** One flow as the model knows it: what each side is to send, and what may end it early. */
export class Story {
  readonly id: string
  readonly seed: number
  readonly causes = new Set<Cause>()
  readonly near: Program
  readonly far: Program
  readonly isEarly: boolean

  constructor(id: string, seed: number, chance: Chance, time: SimTime) {
    this.id = id
    this.seed = seed
    this.isEarly = chance.is(0.4)
    const parts = { chance, time, story: this }
    this.near = new Program('client', chance.whole(0, sizeOf(chance)), parts)
    this.far = new Program('connector', chance.whole(0, sizeOf(chance)), parts)
    this.near.other = this.far
    this.far.other = this.near
  }
}

const sizeOf = (chance: Chance) => (chance.is(0.15) ? 150_000 : chance.is(0.5) ? 20_000 : 600)

interface Parts {
  readonly chance: Chance
  readonly time: SimTime
  readonly story: Story
}

/** A program at one end of a flow: writes its bytes, checks what comes, takes its time. */
export class Program implements FlowHandlers {
  readonly side: 'client' | 'connector'
  readonly total: number
  readonly #parts: Parts
  other: Program | undefined
  flow: Flow | undefined
  written = 0
  received = 0
  hasEnded = false
  isDone = false
  wasOpened = false
  end: FlowEnd | undefined
  refusal: FlowEnd | undefined
  hasReset = false
  #isWriting = false
  #isBlocked = false
  #saidEnd = false

  constructor(side: 'client' | 'connector', total: number, parts: Parts) {
    this.side = side
    this.total = total
    this.#parts = parts
  }

  get isFinal(): boolean {
    return this.isDone || this.end !== undefined || this.refusal !== undefined || this.hasReset
  }

  /** Nothing that it said has left. */
  get isSilent(): boolean {
    return this.written === 0 && !this.#saidEnd
  }

  /** Whatever it wrote has been taken over by the flow. */
  start(): void {
    if (this.#isWriting) return
    this.#isWriting = true
    this.#soon(() => this.#write())
  }

  reset(end: FlowEnd): void {
    this.#check(this.end === undefined && !this.isDone && !this.hasReset, 'reset after the end')
    this.end = end
  }

  /** The program gives up. */
  giveUp(): void {
    if (this.isFinal || !this.flow) return
    this.hasReset = true
    this.#parts.story.causes.add(`${this.side}-reset`)
    this.flow.reset(this.side === 'client' ? 'cancelled' : 'origin-reset', 'the program gave up')
  }

  opened(): void {
    this.#check(!this.wasOpened, 'opened twice')
    this.wasOpened = true
    this.start()
  }

  refused(refusal: FlowEnd): void {
    this.refusal = refusal
  }

  data(chunk: Uint8Array): void {
    const { story } = this.#parts
    this.#check(!this.hasEnded && !this.isFinal, 'bytes after the end')
    this.#check(this.received + chunk.length <= (this.other?.written ?? 0), 'bytes nobody wrote')
    for (let i = 0; i < chunk.length; i++) {
      const at = this.received + i
      if (chunk[i] !== byteAt(story.seed, this.other?.side, at)) this.#fail(`a wrong byte at ${at}`)
    }
    this.received += chunk.length
    this.#consume(chunk.length)
  }

  ended(): void {
    this.#check(!this.hasEnded, 'ended twice')
    this.#check(this.received === this.other?.total, 'ended before the last byte')
    this.hasEnded = true
  }

  /** Its OPEN was refused before anything left: it waits for the next. */
  wait(): void {
    this.flow = undefined
    this.#isWriting = false
  }

  drained(): void {
    this.#check(this.#isBlocked, 'drained though nothing was refused')
    this.#isBlocked = false
    this.#soon(() => this.#write())
  }

  done(): void {
    this.#check(this.hasEnded && this.written === this.total, 'done too early')
    this.#check(!this.isDone && this.end === undefined, 'done after the end')
    this.isDone = true
  }

  #write(): void {
    const { chance, story } = this.#parts
    if (this.isFinal || this.#isBlocked || !this.flow || this.#saidEnd) return
    if (!this.#isWriting) return
    if (this.written === this.total) {
      this.#saidEnd = true
      this.flow.end()
      return
    }
    const most = Math.min(this.total - this.written, chance.is(0.2) ? 30_000 : 2_000)
    const chunk = new Uint8Array(chance.whole(1, most))
    for (let i = 0; i < chunk.length; i++) {
      chunk[i] = byteAt(story.seed, this.side, this.written + i)
    }
    this.written += chunk.length
    if (this.flow.write(chunk)) this.#soon(() => this.#write())
    else this.#isBlocked = true
  }

  /** A reader that rests now and then. */
  #consume(bytes: number): void {
    const { time, chance } = this.#parts
    const delayMs = chance.is(0.03) ? 2000 : chance.is(0.5) ? 0 : chance.next() * 20
    time.after(delayMs, () => this.flow?.consumed(bytes))
  }

  #soon(task: () => void): void {
    const { time, chance } = this.#parts
    time.after(chance.is(0.1) ? chance.next() * 1500 : chance.next() * 10, task)
  }

  #check(holds: boolean, what: string): void {
    if (!holds) this.#fail(what)
  }

  #fail(what: string): never {
    const { story } = this.#parts
    throw new ModelError(`${story.id} at the ${this.side}: ${what}`)
  }
}

/** The machines did what the model does not allow. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

function byteAt(seed: number, side: Program['side'] | undefined, at: number): number {
  return (Math.imul(at + seed, 2654435761) >>> (side === 'client' ? 13 : 19)) & 0xff
}
