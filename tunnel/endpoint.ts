import type { ResetCode } from './codes.ts'
import type { ControlCodec, ControlMessage } from './control.ts'
import type { Facts, Flow, FlowEnd, FlowHandlers, OpenedInfo, OpenRequest } from './flow.ts'
import type { Limits } from './limits.ts'
import type { LinkClosed, LinkPort, TunnelClock } from './port.ts'

export interface EndpointOptions {
  /** A client opens flows; a connector is opened to. */
  readonly role: 'client' | 'connector'
  readonly link: LinkPort
  /** READY's. */
  readonly limits: Limits
  readonly clock: TunnelClock
  /** `controlCodec` of messages/control.ts. */
  readonly codec: ControlCodec
  readonly handlers: EndpointHandlers
}

export interface EndpointHandlers {
  /** Connector only. Answer now or later with `accept` or `refuse`, once. */
  incoming(open: IncomingOpen): void
  control(message: ControlMessage): void
  /** The edge drains: it takes no flow that is opened from now on; those it has go on. */
  goAway(end: FlowEnd): void
  /** The tunnel is gone; every flow has had its `reset` before. */
  closed(why: LinkClosed): void
}

export interface IncomingOpen extends OpenRequest {
  readonly attempt: number
  /** Called when the other end gives up before the answer: stop dialling. */
  onCancelled: ((end: FlowEnd) => void) | undefined
  accept(info: AcceptInfo, handlers: FlowHandlers): Flow
  refuse(code: ResetCode, reason: string, facts?: Facts): void
}

export type AcceptInfo = Pick<OpenedInfo, 'instance' | 'resolveMicros' | 'connectMicros'>

/** One end of one tunnel after READY. Its owner calls `tick` about every second. */
export declare class Endpoint {
  constructor(options: EndpointOptions)
  /** @throws TunnelError `shutting-down` after goAway or close; RangeError for a request out of bounds */
  open(request: OpenRequest, handlers: FlowHandlers): Flow
  send(message: ControlMessage): void
  /** Liveness, acknowledgements that waited, tombstones. */
  tick(now: number): void
  /** Says that this end opens and takes no more flows; those there are go on. */
  goAway(reason?: string): void
  /** Resets every flow and closes the link. */
  close(code?: ResetCode, reason?: string): void
  readonly flowCount: number
  /** The least of the last measurements; undefined before the first PONG. */
  readonly rttMs: number | undefined
}
