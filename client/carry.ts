import type { Socket } from 'node:net'
import type { Flow, FlowTarget, Refusal } from './flow.ts'
import type { Way } from './way.ts'

/**
 * Carries one accepted socket (made with allowHalfOpen) over the way: opens the flow, pumps both
 * directions, resets the socket (RST) when the flow is refused or reset. `onRefused` is called once.
 */
export declare function carry(
  socket: Socket,
  target: FlowTarget,
  way: Pick<Way, 'open'>,
  onRefused?: (refusal: Refusal) => void,
): Flow
