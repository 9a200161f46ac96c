import type { ResetCode } from '../../tunnel/codes.ts'
import type { FlowEnd, FlowHandlers, OpenedInfo, Refusal } from '../../tunnel/flow.ts'
import { copyOf } from '../../tunnel/frames/bytes.ts'
import type { LinkClosed, LinkPort, TunnelClock } from '../../tunnel/port.ts'

/** Time that moves when the test says so; deferred tasks run in `turn`. */
export class ManualClock implements TunnelClock {
  #nowMs = 1_000_000
  #deferred: (() => void)[] = []
  #timers: { at: number; task: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  micros(): number {
    return this.#nowMs * 1000
  }

  defer(task: () => void): void {
    this.#deferred.push(task)
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.#nowMs + delayMs, task }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter(({ at }) => at <= this.#nowMs)
    this.#timers = this.#timers.filter(({ at }) => at > this.#nowMs)
    for (const { task } of due) task()
  }

  /** One turn of the event loop; tells whether there was anything to do. */
  turn(): boolean {
    const tasks = this.#deferred
    this.#deferred = []
    for (const task of tasks) task()
    return tasks.length > 0
  }
}

/** One side of a link between two arrays. What is sent is copied, as a kernel would. */
export class TestLink implements LinkPort {
  readonly headroomBytes = 4
  readonly messageBytes = 16_384
  onMessage: ((message: Uint8Array) => void) | undefined
  onClosed: ((why: LinkClosed) => void) | undefined
  readonly sent: Uint8Array[] = []
  #written: (() => void)[] = []
  closed: LinkClosed | undefined
  wasTerminated = false
  /** A peer that reads nothing. */
  isStalled = false

  send(message: Uint8Array, written: () => void = () => {}): void {
    if (this.closed) {
      written()
      return
    }
    this.sent.push(copyOf(message))
    this.#written.push(written)
  }

  headroomFor(length: number): number {
    return length > 125 ? 4 : 2
  }

  sendSlab(slab: Uint8Array, ends: readonly number[], written: () => void): void {
    let start = 0
    for (const end of ends) {
      const body = start + (end - start - 4 > 125 ? 4 : 2)
      this.send(slab.subarray(body, end), end === ends.at(-1) ? written : undefined)
      start = end
    }
  }

  close(code: ResetCode, reason: string): void {
    this.closed ??= { code, reason, by: 'us' }
  }

  terminate(): void {
    this.wasTerminated = true
    this.closed ??= { code: 'tunnel-lost', reason: '', by: 'us' }
  }

  /** The next message, as the network takes it. */
  take(): Uint8Array | undefined {
    if (this.isStalled) return undefined
    const message = this.sent.shift()
    if (message !== undefined) this.#written.shift()?.()
    return message
  }

  /** The other side closed or broke. */
  lose(why: LinkClosed): void {
    if (this.closed) return
    this.closed = why
    this.onClosed?.(why)
  }
}

/** Two links that are each other's other side. */
export class Wire {
  readonly a: TestLink
  readonly b: TestLink

  constructor(a = new TestLink(), b = new TestLink()) {
    this.a = a
    this.b = b
  }

  /** Carries one message each way; tells whether there was any. */
  step(): boolean {
    const moved = [this.#carry(this.a, this.b), this.#carry(this.b, this.a)]
    return moved.includes(true)
  }

  #carry(from: TestLink, to: TestLink): boolean {
    const message = from.take()
    if (message !== undefined) {
      to.onMessage?.(message)
      // As a real link does with the memory it reads into.
      message.fill(0xdd)
    } else if (from.closed && !to.closed && from.sent.length === 0) {
      to.lose({ ...from.closed, by: 'peer' })
      return true
    }
    return message !== undefined
  }
}

/** Turns and steps until nothing moves any more. */
export function settle(clock: ManualClock, wires: readonly Wire[], most = 1_000_000): void {
  for (let i = 0; i < most; i++) {
    const turned = clock.turn()
    const stepped = wires.map((wire) => wire.step()).includes(true)
    if (!turned && !stepped) return
  }
  throw new Error('it never settles')
}

/** Flow handlers that remember what they were told. */
export class Seen implements FlowHandlers {
  info: OpenedInfo | undefined
  refusal: Refusal | undefined
  end: FlowEnd | undefined
  hasEnded = false
  isDone = false
  drainedCount = 0
  #chunks: Uint8Array[] = []
  #length = 0
  onData: ((chunk: Uint8Array) => void) | undefined
  onEnded: (() => void) | undefined
  onDrained: (() => void) | undefined

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get length(): number {
    return this.#length
  }

  opened(info: OpenedInfo): void {
    this.info = info
  }

  refused(refusal: Refusal): void {
    this.refusal = refusal
  }

  data(chunk: Uint8Array): void {
    this.#chunks.push(copyOf(chunk))
    this.#length += chunk.length
    this.onData?.(chunk)
  }

  ended(): void {
    this.hasEnded = true
    this.onEnded?.()
  }

  reset(end: FlowEnd): void {
    this.end = end
  }

  drained(): void {
    this.drainedCount += 1
    this.onDrained?.()
  }

  done(): void {
    this.isDone = true
  }
}

/** Bytes that tell their place, so that a swapped or doubled piece shows. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i + 4 <= length; i += 4)
    bytes.writeUInt32LE(((i >>> 2) * 2654435761 + seed) >>> 0, i)
  return bytes
}

export const flowId = (n: number): string => n.toString(16).padStart(32, '0')
