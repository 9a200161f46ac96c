import { TunnelError } from '../codes.ts'
import type { FlowEnd } from '../flow.ts'
import { readOffset } from '../frames/bytes.ts'
import { TYPE } from '../frames/frame.ts'
import { readOpened, readRefused } from '../frames/open.ts'
import { readCode, readCredit } from '../frames/read.ts'
import { readResumed } from '../frames/resume.ts'
import type { EndFlow } from './end-flow.ts'

/** The flows of one end by their streams, and the frames that go to them. */
export class Streams {
  readonly #flows = new Map<number, EndFlow>()
  /** The highest stream that was ever used: streams are never used twice (SPEC.md §4). */
  lastStream = 0

  get size(): number {
    return this.#flows.size
  }

  add(flow: EndFlow): void {
    this.#flows.set(flow.stream, flow)
  }

  delete(flow: EndFlow): void {
    if (this.#flows.get(flow.stream) === flow) this.#flows.delete(flow.stream)
  }

  [Symbol.iterator](): Iterator<EndFlow> {
    return this.#flows.values()
  }

  /** The tunnel is gone; what was opened may go on without it. */
  loseAll(end: FlowEnd): void {
    for (const flow of [...this.#flows.values()]) flow.lost(end)
  }

  resetAll(end: FlowEnd): void {
    for (const flow of [...this.#flows.values()]) flow.onReset(end)
  }

  /**
   * Hands a frame to its flow. What comes late for a flow that is over is dropped; a mistake ends the
   * flow only, so that one person's flow never ends the tunnel that carries another's.
   * @throws TunnelError for a stream that was never opened
   */
  frame(type: number, stream: number, bytes: Uint8Array, start: number, end: number): void {
    const flow = this.#flows.get(stream)
    if (flow !== undefined) this.#deliver(flow, type, bytes, start, end)
    else this.#checkLate(type, stream)
  }

  #deliver(flow: EndFlow, type: number, bytes: Uint8Array, start: number, end: number): void {
    try {
      deliver(flow, type, bytes, start, end)
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error
      flow.fail({ code: error.code, reason: error.message })
    }
  }

  #checkLate(type: number, stream: number): void {
    if (stream <= this.lastStream) return
    throw new TunnelError('protocol-error', 'a frame of a stream that was never opened', { type })
  }
}

function deliver(flow: EndFlow, type: number, bytes: Uint8Array, start: number, end: number): void {
  switch (type) {
    case TYPE.DATA:
      flow.onData(bytes.subarray(start, end))
      break
    case TYPE.CREDIT: {
      const { received, limit } = readCredit(bytes, start)
      flow.onCredit(received, limit)
      break
    }
    case TYPE.FIN:
      flow.onFin(readOffset(bytes, start))
      break
    case TYPE.DATA_AT:
      flow.expect(readOffset(bytes, start))
      flow.onData(bytes.subarray(start + 8, end))
      break
    default:
      deliverAnswer(flow, type, bytes, start, end)
  }
}

function deliverAnswer(
  flow: EndFlow,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  switch (type) {
    case TYPE.OPENED:
      flow.onOpened(readOpened(bytes, start, end))
      break
    case TYPE.REFUSED:
      flow.onRefused(readRefused(bytes, start, end))
      break
    case TYPE.RESUMED:
      flow.onResumed(readResumed(bytes, start))
      break
    case TYPE.RESET:
      flow.onReset(readCode(bytes, start, end))
      break
    case TYPE.DETACHED:
      flow.lost({ ...readCode(bytes, start, end), code: 'tunnel-lost' })
      break
    default:
      throw new TunnelError('protocol-error', 'a frame that this flow cannot have', { type })
  }
}
