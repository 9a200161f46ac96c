import type { ResetCode } from '../codes.ts'
import type { ControlMessage } from '../control.ts'
import type { Facts, OpenedInfo, OpenRequest, Refusal } from '../flow.ts'
import type { LinkClosed } from '../port.ts'

export interface RelayHandlers {
  /** A client opens a flow: answer now or later with `connect` or `refuse`, once. */
  open(flow: RelayFlow): void
  control(message: ControlMessage): void
  /** Every flow of this tunnel has had its `closed` before. */
  closed(why: LinkClosed): void
}

export interface RelayTunnel {
  send(message: ControlMessage): void
  readonly flows: Iterable<RelayFlow>
  readonly flowCount: number
  close(code: ResetCode, reason: string): void
  /** Takes no more flows on this tunnel; those there are go on. */
  goAway(reason?: string): void
  readonly rttMs: number | undefined
  /** Its owner calls this about every second. */
  tick(now: number): void
}

export interface RelayFlow extends OpenRequest {
  readonly attempt: number
  readonly source: RelayTunnel
  readonly target: RelayTunnel | undefined
  /** Payload bytes relayed towards the connector and towards the client. */
  readonly bytesUp: number
  readonly bytesDown: number
  /**
   * Opens the flow at a connector; `context` is what that connector is told of who and why.
   * @throws TunnelError when nothing was sent: the tunnel is gone or drains, or the client gave up
   */
  connect(target: RelayTunnel, context: Uint8Array, gateMicros: number): void
  /** Refuses an OPEN that was not connected yet; no handler is called. */
  refuse(code: ResetCode, reason: string, facts?: Facts): void
  /** Ends the flow at both ends. */
  reset(code: ResetCode, reason: string): void
  handlers: RelayFlowHandlers | undefined
}

export interface RelayFlowHandlers {
  opened?(info: OpenedInfo): void
  /** The connector refused; `closed` follows. */
  refused?(refusal: Refusal): void
  /** The last call, however it ended. */
  closed(end: RelayFlowEnd): void
}

export interface RelayFlowEnd {
  readonly code: ResetCode | 'done'
  readonly reason: string
  /** Who ended it. */
  readonly by: 'client' | 'connector' | 'edge'
  readonly bytesUp: number
  readonly bytesDown: number
}
