import { Duplex } from 'node:stream'
import type { FlowEnd } from '../tunnel/flow.ts'
import type { Flow, FlowHandlers, Refusal } from './flow.ts'

/** A flow that did not come to be, or was reset, as an error of a stream. */
export class FlowError extends Error {
  override readonly name = 'FlowError'
  readonly code = 'ERR_FLOW'
  readonly refusal: Refusal
  /** Refused before it was open. */
  readonly wasRefused: boolean
  constructor(refusal: Refusal, wasRefused: boolean) {
    super(`${wasRefused ? 'refused' : 'reset'}: ${refusal.reason || refusal.code}`)
    this.refusal = refusal
    this.wasRefused = wasRefused
  }
}

/** A flow as a Node stream, for what wants one (node's HTTP client). Sockets are piped without it. */
export class FlowStream extends Duplex {
  readonly #flow: Flow
  #isOver = false
  #unreadBytes = 0
  #drained: (() => void) | undefined

  constructor(open: (handlers: FlowHandlers) => Flow) {
    super({ allowHalfOpen: true })
    this.#flow = open({
      data: (chunk) => this.#take(chunk),
      ended: () => this.push(null),
      drained: () => this.#resume(),
      refused: (refusal) => this.#fail(refusal, true),
      reset: (end) => this.#fail({ ...end, facts: {} }, false),
      done: () => {
        this.#isOver = true
      },
    })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    if (this.#flow.write(chunk)) written()
    else this.#drained = written
  }

  override _final(finished: () => void): void {
    this.#flow.end()
    finished()
  }

  override _read(): void {
    const bytes = this.#unreadBytes
    this.#unreadBytes = 0
    if (bytes > 0) this.#flow.consumed(bytes)
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    if (!this.#isOver) this.#flow.reset('cancelled')
    this.#isOver = true
    destroyed(error)
  }

  #take(chunk: Uint8Array): void {
    // What came is the tunnel's own: it is only lent.
    if (this.push(Buffer.from(chunk))) this.#flow.consumed(chunk.length)
    else this.#unreadBytes += chunk.length
  }

  #resume(): void {
    const written = this.#drained
    this.#drained = undefined
    written?.()
  }

  #fail(end: FlowEnd & Refusal, wasRefused: boolean): void {
    this.#isOver = true
    this.destroy(new FlowError(end, wasRefused))
  }
}
