import type { ResetCode } from '../codes.ts'
import type { ControlMessage } from '../control.ts'
import type { PartyKey } from '../fair/rounds.ts'
import type { FlowEnd, Refusal } from '../flow.ts'
import type { Outbox } from '../outbox.ts'
import type { Direction } from './direction.ts'
import type { RelayFlow, RelayTunnel } from './face.ts'
import type { OutQueue } from './queue.ts'

/** A flow as one of its two tunnels sees it. */
export interface Leg {
  readonly flow: LegFlow
  readonly side: 'client' | 'connector'
  readonly tunnel: LegTunnel
  readonly stream: number
  /** What this leg's end sends. */
  readonly sends: Direction
  readonly receives: Direction
  /** Undefined until the flow is connected. */
  other: Leg | undefined
}

/** What a tunnel needs of its flows. */
export interface LegFlow extends RelayFlow {
  /** The connector has answered, or the flow is over. */
  readonly isAnswered: boolean
  /** Whose share of a tunnel its bytes count in. */
  readonly party: PartyKey
  /** Bytes of the client that must wait for `connect`. */
  hold(bytes: Uint8Array): void
  holdFin(): void
  /** The payload of OPENED, whose first half is filled where it lies. */
  onOpened(bytes: Uint8Array, start: number, end: number): void
  onRefused(refusal: Refusal): void
  /** The payload of RESUMED, whose limit and times are filled where they lie. */
  onResumed(bytes: Uint8Array, start: number): void
  /** One end reset the flow. */
  onEnd(from: Leg, end: FlowEnd): void
  /** The tunnel of one end is gone, or it says that the flow goes on elsewhere. */
  onLost(from: Leg, end: FlowEnd): void
  /** One end broke the rules of this flow. */
  onMistake(from: Leg, end: FlowEnd): void
  endIfDone(): void
}

/** What a flow needs of its tunnels. */
export abstract class LegTunnel implements RelayTunnel {
  abstract readonly outbox: Outbox
  abstract readonly queue: OutQueue
  abstract readonly party: PartyKey
  /** @throws TunnelError when no flow can be opened over this tunnel */
  abstract nextStream(): number
  abstract add(leg: Leg): void
  abstract delete(leg: Leg): void
  /** An OPEN of this tunnel has its answer. */
  abstract answered(): void

  abstract readonly flows: Iterable<RelayFlow>
  abstract readonly flowCount: number
  abstract readonly rttMs: number | undefined
  abstract readonly canResume: boolean
  abstract readonly isInDoubt: boolean
  abstract probe(): void
  abstract lose(reason: string): void
  abstract send(message: ControlMessage): void
  abstract close(code: ResetCode, reason: string): void
  abstract goAway(reason?: string, spreadMs?: number): void
  abstract tick(now: number): void
}
