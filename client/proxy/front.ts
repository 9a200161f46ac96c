import type { Socket } from 'node:net'
import type { Log } from '../../process/log.ts'
import type { FlowEnd } from '../../tunnel/flow.ts'
import { carryWithReplies } from '../carry.ts'
import type { FlowTarget, OnRamp, Refusal } from '../flow.ts'
import { sentenceOf } from '../refusal.ts'
import type { Way } from '../way.ts'
import type { Destination } from './destination.ts'
import { carryDirect } from './direct.ts'
import { type RouteFacts, routeOf } from './route.ts'
import type { CheckCredential } from './socks-dialogue.ts'

/** What the protocols of the proxy port share. */
export interface Front {
  readonly way: Pick<Way, 'open' | 'person' | 'catalog'>
  readonly routes: RouteFacts
  /** The listener's own address as a Host field spells it. */
  readonly own: string
  /** Set: every request needs it, and the peer's uid does not matter. */
  readonly check?: CheckCredential | undefined
  readonly log: Log
  /** A flow of this person's did not come to be, or was cut by a decision. */
  readonly onRefused: (refusal: Refusal, target: Asked) => void
  readonly counts: FrontCounts
}

export type Asked = Pick<FlowTarget, 'name' | 'port'>

/** What came to the port, for `byname status`. */
export interface FrontCounts {
  accepted: number
  /** Turned away: another user of the machine; a web page; no or a wrong credential; no protocol of ours. */
  otherUser: number
  webPage: number
  noCredential: number
  unknownProtocol: number
}

export const noCounts = (): FrontCounts => ({
  accepted: 0,
  otherUser: 0,
  webPage: 0,
  noCredential: 0,
  unknownProtocol: 0,
})

/** How a protocol says how it went. */
export interface FrontReplies {
  opened(): void
  /** The reply is all that the socket still gets. */
  refused(end: FlowEnd): void
}

/** Takes a socket whose program has said where it wants to go there, and tells it how that went. */
export function carryTo(
  front: Front,
  socket: Socket,
  to: Destination,
  onRamp: OnRamp,
  replies: FrontReplies,
): void {
  const route = routeOf(to, front.routes)
  switch (route.kind) {
    case 'refused':
      if (to.kind === 'name') front.onRefused({ ...route, facts: {} }, to)
      replies.refused(route)
      break
    case 'direct':
      carryDirect(socket, route, replies)
      break
    case 'flow':
      carryFlow(
        front,
        socket,
        { name: route.name, port: route.port, protocol: 'tcp', onRamp },
        replies,
      )
  }
}

function carryFlow(front: Front, socket: Socket, target: FlowTarget, replies: FrontReplies): void {
  carryWithReplies(socket, target, front.way, {
    opened: () => replies.opened(),
    refused: (refusal) => {
      front.onRefused(refusal, target)
      replies.refused(refusal)
    },
    cut: (refusal) => front.onRefused(refusal, target),
  })
}

/** The sentence of a refusal, for any destination. */
export function sentenceFor(front: Front, end: FlowEnd, to: Destination): string {
  const name = to.kind === 'name' ? to.name : to.address
  return sentenceOf(end, { name, port: to.port }, front.way.person)
}
