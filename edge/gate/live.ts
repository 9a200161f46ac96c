import type { ResetCode } from '../../tunnel/codes.ts'
import type { FlowRequest } from './verdict.ts'

/** Why a live flow is ended by the gate. */
export interface Cut {
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
}

/** A flow that was let in and is still there. */
export interface LiveFlow {
  readonly flowId: string
  readonly request: FlowRequest
  readonly connectorId: string
  /** The rule that allows it now. */
  rule: string
  /** When it must be judged again, because time alone may change the answer. */
  until: number | undefined
  /** Ends the flow; called once. */
  readonly cut: (cut: Cut) => void
}

/** The live flows, counted by session. */
export class LiveFlows {
  readonly #flows = new Map<string, LiveFlow>()
  readonly #perSession = new Map<string, Map<string, LiveFlow>>()

  get size(): number {
    return this.#flows.size
  }

  countOf(session: string): number {
    return this.#perSession.get(session)?.size ?? 0
  }

  has(flowId: string): boolean {
    return this.#flows.has(flowId)
  }

  find(flowId: string): LiveFlow | undefined {
    return this.#flows.get(flowId)
  }

  add(flow: LiveFlow): void {
    const { session } = flow.request
    const ofSession = this.#perSession.get(session) ?? new Map<string, LiveFlow>()
    ofSession.set(flow.flowId, flow)
    this.#perSession.set(session, ofSession)
    this.#flows.set(flow.flowId, flow)
  }

  remove(flowId: string): void {
    const flow = this.#flows.get(flowId)
    if (!flow) return
    this.#flows.delete(flowId)
    const ofSession = this.#perSession.get(flow.request.session)
    ofSession?.delete(flowId)
    if (ofSession?.size === 0) this.#perSession.delete(flow.request.session)
  }

  all(): IterableIterator<LiveFlow> {
    return this.#flows.values()
  }

  ofSession(session: string): Iterable<LiveFlow> {
    return this.#perSession.get(session)?.values() ?? []
  }
}
