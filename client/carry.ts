import type { ResetCode } from '../tunnel/codes.ts'
import { pipeSocket } from '../tunnel/pipe.ts'
import type { SocketPort } from '../tunnel/port.ts'
import type { Flow, FlowTarget, OpenedInfo, Refusal } from './flow.ts'
import { withRefused } from './refusing.ts'
import type { Way } from './way.ts'

/**
 * Carries one accepted socket (made with allowHalfOpen) over the way: opens the flow, pumps both
 * directions, resets the socket (RST) when the flow is refused or reset. `onRefused` is called once,
 * also when a decision cuts the flow later.
 */
export function carry(
  socket: SocketPort,
  target: FlowTarget,
  way: Pick<Way, 'open'>,
  onRefused: (refusal: Refusal) => void = () => {},
): Flow {
  return pipeSocket(socket, (handlers) => way.open(target, handlers), {
    refused: onRefused,
    reset: (end) => isDecision(end.code) && onRefused({ ...end, facts: {} }),
  })
}

/** How a protocol with a reply of its own (SOCKS, CONNECT) says how it went. */
export interface Replies {
  /** Before the first byte from the other end. */
  opened(info: OpenedInfo): void
  /** Has the socket to itself: nothing else writes to it or closes it. */
  refused(refusal: Refusal): void
  /** A decision ended the flow later. */
  cut(refusal: Refusal): void
}

/** As {@link carry}, for a program that waits to be told: the socket is not reset on refusal. */
export function carryWithReplies(
  socket: SocketPort,
  target: FlowTarget,
  way: Pick<Way, 'open'>,
  replies: Replies,
): Flow {
  return pipeSocket(
    socket,
    (handlers) => way.open(target, withRefused(handlers, replies.refused)),
    {
      opened: (info) => replies.opened(info),
      reset: (end) => isDecision(end.code) && replies.cut({ ...end, facts: {} }),
    },
  )
}

const DECISIONS: readonly ResetCode[] = [
  'policy-changed',
  'policy-denied',
  'session-expired',
  'session-revoked',
  'connector-revoked',
]
const isDecision = (code: ResetCode) => DECISIONS.includes(code)
