import type { ResetCode } from '../codes.ts'
import type { ControlMessage } from '../control.ts'
import type { Facts, OpenedInfo, OpenRequest, Refusal } from '../flow.ts'
import type { LinkClosed } from '../port.ts'

export interface RelayHandlers {
  /** Whose tunnel it is: tunnels of one session share what one gets. Each its own when left out. */
  readonly party?: string | undefined
  /** A client opens a flow: answer now or later with `connect` or `refuse`, once. */
  open(flow: RelayFlow): void
  /**
   * A client asks for a flow that is detached (`kind` is `resume`): answer now or later with `connect`,
   * to a tunnel of `instance`, or `refuse`, once. Left out: nothing is resumed.
   */
  resume?(flow: RelayFlow): void
  /** Nothing was heard for 4 s though something waits; once a doubt. */
  doubted?(): void
  control(message: ControlMessage): void
  /** Every flow of this tunnel has had its `closed` or `detached` before. */
  closed(why: LinkClosed): void
}

export interface RelayTunnel {
  send(message: ControlMessage): void
  readonly flows: Iterable<RelayFlow>
  readonly flowCount: number
  close(code: ResetCode, reason: string): void
  /** Takes no more flows on this tunnel; those there are go on, and may move within `spreadMs`. */
  goAway(reason?: string, spreadMs?: number): void
  /** Flows of this tunnel can be resumed. */
  readonly canResume: boolean
  /** Silent for too long although something waits. */
  readonly isInDoubt: boolean
  /** Asks for a sign of life now; silence is doubt from then on, though nothing waits. */
  probe(): void
  /** It is known to be gone: as if the network had said so. */
  lose(reason: string): void
  readonly rttMs: number | undefined
  /** Its owner calls this about every second. */
  tick(now: number): void
}

export interface RelayFlow extends OpenRequest {
  /** What the client sent: OPEN or RESUME. */
  readonly kind: 'open' | 'resume'
  readonly attempt: number
  /** The connector process that holds the flow: what RESUME asks for. */
  readonly instance: string | undefined
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
  /** Refuses an OPEN or RESUME that was not connected yet; no handler is called. */
  refuse(code: ResetCode, reason: string, facts?: Facts): void
  /** Ends the flow at both ends. */
  reset(code: ResetCode, reason: string): void
  /** Lets go of the flow, which comes back over another tunnel: both ends are told DETACHED. */
  detach(reason: string): void
  handlers: RelayFlowHandlers | undefined
}

export interface RelayFlowHandlers {
  opened?(info: OpenedInfo): void
  /** The connector has given the flow back to the client. */
  resumed?(info: ResumedInfo): void
  /** The connector refused; `closed` follows. */
  refused?(refusal: Refusal): void
  /** The last call, however it ended. */
  closed(end: RelayFlowEnd): void
  /** The last call instead of `closed`, when the flow goes on without this edge or attachment. */
  detached?(end: RelayFlowEnd): void
}

export interface ResumedInfo {
  readonly attempt: number
  readonly gateMicros: number
  readonly relayMicros: number
}

export interface RelayFlowEnd {
  readonly code: ResetCode | 'done'
  readonly reason: string
  /** Who ended it. */
  readonly by: 'client' | 'connector' | 'edge'
  readonly bytesUp: number
  readonly bytesDown: number
}
