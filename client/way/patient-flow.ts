import type { ResetCode } from '../../tunnel/codes.ts'
import type { FlowEnd, OpenRequest } from '../../tunnel/flow.ts'
import type { Flow, FlowHandlers, Refusal } from '../flow.ts'

/** Opens a flow on a tunnel that stands. */
export type OpenOn = (request: OpenRequest, handlers: FlowHandlers) => Flow

/** What a flow that waits may hold of its program's bytes before it says stop. */
const MAX_HELD_BYTES = 64 * 1024
const MAX_TRIES = 3

/**
 * A flow that may begin before there is a tunnel, and begins again on the next one when its tunnel
 * is lost while the answer is outstanding and nothing of the program's has left: a request must not
 * run twice (wire.md, Opening).
 */
export class PatientFlow implements Flow {
  readonly id: string
  readonly #request: OpenRequest
  readonly #handlers: FlowHandlers
  readonly #waitAgain: (flow: PatientFlow) => void
  #inner: Flow | undefined
  #held: Uint8Array[] = []
  #heldBytes = 0
  #state: 'waiting' | 'asked' | 'opened' | 'over' = 'waiting'
  #ended = false
  #saidStop = false
  #tries = 0

  /** `waitAgain`: called when the flow needs another tunnel; it is in nobody's list then. */
  constructor(
    request: OpenRequest,
    handlers: FlowHandlers,
    waitAgain: (flow: PatientFlow) => void,
  ) {
    this.id = request.flowId
    this.#request = request
    this.#handlers = handlers
    this.#waitAgain = waitAgain
  }

  get bytesSent(): number {
    return (this.#inner?.bytesSent ?? 0) + this.#heldBytes
  }

  get bytesReceived(): number {
    return this.#inner?.bytesReceived ?? 0
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  attach(openOn: OpenOn): void {
    this.#state = 'asked'
    this.#tries++
    const inner = openOn(this.#request, this.#wrapped())
    this.#inner = inner
    const held = this.#held.splice(0)
    this.#heldBytes = 0
    const isFree = held.map((chunk) => inner.write(chunk)).at(-1) ?? true
    if (this.#ended) inner.end()
    if (this.#saidStop && isFree) this.#handlers.drained()
    this.#saidStop = false
  }

  write(chunk: Uint8Array): boolean {
    if (this.#inner) return this.#inner.write(chunk)
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    this.#saidStop = this.#heldBytes >= MAX_HELD_BYTES
    return !this.#saidStop
  }

  end(): void {
    this.#ended = true
    this.#inner?.end()
  }

  reset(code: ResetCode, reason?: string): void {
    this.#state = 'over'
    this.#inner?.reset(code, reason)
    this.#held = []
  }

  consumed(bytes: number): void {
    this.#inner?.consumed(bytes)
  }

  /** Nobody could be asked: the flow ends before it began. Told after the caller has its flow. */
  refuse(code: ResetCode, reason: string): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#held = []
    queueMicrotask(() => this.#handlers.refused?.({ code, reason, facts: {} }))
  }

  #wrapped(): FlowHandlers {
    const handlers = this.#handlers
    return {
      data: (chunk) => handlers.data(chunk),
      ended: () => handlers.ended(),
      drained: () => handlers.drained(),
      done: () => handlers.done?.(),
      opened: (info) => {
        this.#state = 'opened'
        handlers.opened?.(info)
      },
      refused: (refusal) => {
        if (isOfTunnel(refusal) && this.#canAskAgain()) this.#askAgain()
        else this.#endAsRefused(refusal)
      },
      reset: (end) => this.#lost(end),
    }
  }

  #lost(end: FlowEnd): void {
    if (isOfTunnel(end) && this.#canAskAgain()) this.#askAgain()
    else if (this.#state === 'asked') this.#endAsRefused({ ...end, facts: {} })
    else {
      this.#state = 'over'
      this.#handlers.reset(end)
    }
  }

  #endAsRefused(refusal: Refusal): void {
    this.#state = 'over'
    if (this.#handlers.refused) this.#handlers.refused(refusal)
    else this.#handlers.reset(refusal)
  }

  #canAskAgain(): boolean {
    const hasSent = (this.#inner?.bytesSent ?? 0) > 0
    return this.#state === 'asked' && !hasSent && this.#tries < MAX_TRIES
  }

  #askAgain(): void {
    this.#state = 'waiting'
    this.#inner = undefined
    this.#waitAgain(this)
  }
}

/** It is the tunnel that cannot go on, not the flow. */
const isOfTunnel = ({ code }: FlowEnd) => code === 'tunnel-lost' || code === 'shutting-down'
