import type { Flow, FlowHandlers } from './flow.ts'
import type { SocketPort } from './port.ts'

/**
 * Joins a socket (made with `allowHalfOpen: true`) and a flow: bytes both ways with back-pressure, end
 * for end, RST for RESET. `open` is called once with the handlers that feed the socket and gives the
 * flow. `before` sees `opened`, `refused` and the end first (to answer SOCKS, to log).
 */
export declare function pipeSocket(
  socket: SocketPort,
  open: (handlers: FlowHandlers) => Flow,
  before?: PipeEvents,
): Flow

export type PipeEvents = Pick<FlowHandlers, 'opened' | 'refused' | 'done'> & {
  reset?: FlowHandlers['reset']
}
