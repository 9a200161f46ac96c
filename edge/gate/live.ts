import type { ResetCode } from '../../tunnel/codes.ts'
import type { FlowRequest } from './verdict.ts'

/** Why a live flow is ended by the gate. */
export interface Cut {
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
}

/** A flow that was let in and is still there: one attachment of it, to two tunnels of this edge. */
export interface LiveFlow {
  readonly flowId: string
  readonly attempt: number
  readonly request: FlowRequest
  readonly connectorId: string
  /** The connector has said that it has the flow. */
  readonly isAnswered: boolean
  /** Which process of it; undefined before. */
  readonly instance: string | undefined
  /** The rule that allows it now. */
  rule: string
  /** When it must be judged again, because time alone may change the answer. */
  until: number | undefined
  /** Ends the flow; called once. */
  cut(cut: Cut): void
  /** Another attachment of the flow takes its place: an OPEN without answer ends, the rest detaches. */
  letGo(): void
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

  has(flow: LiveFlow): boolean {
    return this.#flows.get(flow.flowId) === flow
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

  /** Compares flows, not ids: an older attachment that goes late leaves the newer one alone. */
  remove(flow: LiveFlow): void {
    if (!this.has(flow)) return
    const { flowId, request } = flow
    this.#flows.delete(flowId)
    const ofSession = this.#perSession.get(request.session)
    ofSession?.delete(flowId)
    if (ofSession?.size === 0) this.#perSession.delete(request.session)
  }

  all(): IterableIterator<LiveFlow> {
    return this.#flows.values()
  }

  ofSession(session: string): Iterable<LiveFlow> {
    return this.#perSession.get(session)?.values() ?? []
  }
}
