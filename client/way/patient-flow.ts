import type { ResetCode } from '../../tunnel/codes.ts'
import type { FlowEnd, OpenRequest } from '../../tunnel/flow.ts'
import type { Flow, FlowHandlers, Refusal } from '../flow.ts'

/** Opens a flow on a tunnel that stands. */
export type OpenOn = (request: OpenRequest, handlers: FlowHandlers) => Flow

/** Who has the tunnels. */
export interface PatientHost {
  /** Whether asking again may help; `refusal` is why the last tunnel did not open it. */
  mayAskAgain(flow: PatientFlow, refusal: FlowEnd): boolean
  /** The flow needs another tunnel, or the same one later; it is in nobody's list then. */
  waitAgain(flow: PatientFlow): void
}

/** What a flow that waits may hold of its program's bytes before it says stop. */
const MAX_HELD_BYTES = 64 * 1024

interface Written {
  readonly chunk: Uint8Array
  readonly free: (() => void) | undefined
}

/**
 * A flow that may begin before there is a tunnel, and begins again on the next one when the edge could
 * not take it, or when its tunnel is lost while the answer is outstanding and nothing of the program's
 * has left: a request must not run twice (wire.md, Opening).
 */
export class PatientFlow implements Flow {
  readonly id: string
  /** Until when it waits and is asked for again, by the host's clock. */
  readonly patientUntil: number
  readonly #host: PatientHost
  readonly #request: OpenRequest
  readonly #handlers: FlowHandlers
  #inner: Flow | undefined
  /** What the program wrote before the answer: a refused OPEN takes nothing along. */
  #early: Written[] = []
  #heldBytes = 0
  #state: 'waiting' | 'asked' | 'opened' | 'over' = 'waiting'
  #ended = false
  #saidStop = false
  #tries = 0
  #refusal: FlowEnd | undefined

  constructor(
    host: PatientHost,
    request: OpenRequest,
    handlers: FlowHandlers,
    patientUntil: number,
  ) {
    this.id = request.flowId
    this.patientUntil = patientUntil
    this.#host = host
    this.#request = request
    this.#handlers = handlers
  }

  /** How often it was asked for. */
  get tries(): number {
    return this.#tries
  }

  get bytesSent(): number {
    return this.#inner?.bytesSent ?? this.#heldBytes
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
    const inner = openOn({ ...this.#request, attempt: this.#tries }, this.#wrapped())
    this.#inner = inner
    this.#heldBytes = 0
    const isFree = this.#early.map(({ chunk, free }) => inner.write(chunk, free)).at(-1) ?? true
    if (this.#ended) inner.end()
    if (!this.#saidStop || !isFree) return
    this.#saidStop = false
    this.#handlers.drained()
  }

  write(chunk: Uint8Array, free?: () => void): boolean {
    if (this.#state === 'opened') return this.#inner?.write(chunk, free) ?? false
    this.#early.push({ chunk, free })
    const isFree = this.#inner ? this.#inner.write(chunk, free) : this.#hold(chunk)
    if (!isFree) this.#saidStop = true
    return isFree
  }

  end(): void {
    this.#ended = true
    this.#inner?.end()
  }

  reset(code: ResetCode, reason?: string): void {
    this.#over()
    this.#inner?.reset(code, reason)
  }

  consumed(bytes: number): void {
    this.#inner?.consumed(bytes)
  }

  /** Nobody could be asked: the flow ends before it began. Told after the caller has its flow. */
  refuse(code: ResetCode, reason: string): void {
    if (this.isOver) return
    this.#over()
    queueMicrotask(() => this.#handlers.refused?.({ code, reason, facts: {} }))
  }

  /** Its patience is over; `reason`: why there is no tunnel. */
  giveUp(reason: string): void {
    const { code, reason: said } = this.#refusal ?? { code: 'tunnel-lost' as const, reason }
    if (code === 'tunnel-lost') this.refuse(code, reason)
    else this.refuse(code, said)
  }

  #hold(chunk: Uint8Array): boolean {
    this.#heldBytes += chunk.length
    return this.#heldBytes < MAX_HELD_BYTES
  }

  #wrapped(): FlowHandlers {
    const handlers = this.#handlers
    return {
      data: (chunk) => handlers.data(chunk),
      ended: () => handlers.ended(),
      drained: () => this.#drained(),
      done: () => handlers.done?.(),
      opened: (info) => {
        this.#state = 'opened'
        this.#early = []
        handlers.opened?.(info)
      },
      refused: (refusal) => {
        if (this.#canAskAgain(refusal, refusal.code === 'tunnel-lost')) this.#askAgain(refusal)
        else this.#endAsRefused(refusal)
      },
      reset: (end) => this.#lost(end),
    }
  }

  #drained(): void {
    this.#saidStop = false
    this.#handlers.drained()
  }

  #lost(end: FlowEnd): void {
    if (this.#canAskAgain(end, true)) this.#askAgain(end)
    else if (this.#state === 'asked') this.#endAsRefused({ ...end, facts: {} })
    else {
      this.#over()
      this.#handlers.reset(end)
    }
  }

  #endAsRefused(refusal: Refusal): void {
    const handlers = this.#handlers
    this.#over()
    if (handlers.refused) handlers.refused(refusal)
    else handlers.reset(refusal)
  }

  /** `mayHaveRun`: bytes of it may have reached the origin, unless there are none. */
  #canAskAgain(end: FlowEnd, mayHaveRun: boolean): boolean {
    if (this.#state !== 'asked') return false
    const hasSent = this.#ended || (this.#inner?.bytesSent ?? 0) > 0
    return !(mayHaveRun && hasSent) && this.#host.mayAskAgain(this, end)
  }

  #askAgain(refusal: FlowEnd): void {
    this.#state = 'waiting'
    this.#refusal = refusal
    this.#heldBytes = this.#inner?.bytesSent ?? 0
    this.#inner = undefined
    this.#host.waitAgain(this)
  }

  #over(): void {
    this.#state = 'over'
    this.#early = []
  }
}
