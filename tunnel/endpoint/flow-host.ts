import type { FlowEnd, OpenRequest } from '../flow.ts'
import type { Outbox } from '../outbox.ts'
import type { WindowBudget } from './budget.ts'

/** What a flow needs of the endpoint that it belongs to. */
export interface FlowHost<Flow> {
  readonly outbox: Outbox
  readonly budget: WindowBudget
  micros(): number
  readonly rttMs: number | undefined
  /** The flow has bytes or FIN to send. */
  ready(flow: Flow): void
  /** The flow has a CREDIT to send. */
  owes(flow: Flow): void
  /** The flow's OPEN has its answer, or is given up. */
  answered(): void
  /** Both sides of the tunnel can resume flows. */
  readonly canResume: boolean
  /** Tells the edge that the flow goes on elsewhere. */
  letGo(flow: Flow): void
  /** The flow leaves this tunnel: forget its stream. */
  left(flow: Flow): void
  /** Of the table of all flows: what happened to the flow. */
  readonly table: FlowBook<Flow>
}

/** What a flow tells the table of its process. */
export interface FlowBook<Flow> {
  opened(flow: Flow): void
  detached(flow: Flow): void
  attached(flow: Flow): void
  stranded(flow: Flow): void
  ended(flow: Flow, end: FlowEnd): void
}

export interface FlowStart {
  /** Who said OPEN: this end or the other. The opener gets nothing before OPENED. */
  readonly opener: 'us' | 'peer'
  /** What OPEN asked for. */
  readonly request: OpenRequest
  /** 0: it is refused here, and the other end must never hear of it. */
  readonly stream: number
  readonly attempt: number
  readonly sendLimit: number
  readonly receiveLimit: number
  /** Whose it is, at a connector: its session. */
  readonly party?: string | undefined
}

/** What a RESUME asks of a connector. */
export interface TakeBack {
  readonly attempt: number
  /** The next offset that the client expects, and up to where it takes bytes. */
  readonly received: number
  readonly limit: number
  /** Up to where the client was told that it may send; left out: it is told now. */
  readonly allowed?: number
}
