import { originOf } from '../tunnel/edges.ts'
import type { Tunnel } from './attempt.ts'

/** Which edges a connector keeps tunnels to: each that is known, and two to one that is alone. */
export function seatsFor(first: string, others: readonly string[]): string[] {
  const edges = new Set([first, ...others].map(originOf).filter((origin) => origin !== undefined))
  const seats = [...edges].slice(0, MAX_EDGES)
  return seats.length === 1 ? [...seats, ...seats] : seats
}

export interface SeatStatus {
  readonly edge: string
  readonly state: 'connecting' | 'open' | 'waiting'
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly rttMs: number | undefined
  readonly keyAgreement: string | undefined
  readonly exporterMatched: boolean | undefined
  readonly flows: number
  readonly failures: number
  readonly lastError: string | undefined
}

/** One place for a tunnel to one edge, taken or not. */
export class Seat {
  readonly edge: string
  readonly gone = new AbortController()
  state: SeatStatus['state'] = 'waiting'
  since: number
  tunnel: Tunnel | undefined
  /** A tunnel in doubt, for which a successor is looked for. */
  former: Tunnel | undefined
  failures = 0
  lastError: string | undefined
  /** When a tunnel of some age was lost here: the edge may be restarting. */
  lostAt = Number.NEGATIVE_INFINITY
  /** Ends what the seat is at: its pause, its attempt, its life with a tunnel. */
  interrupt = new AbortController()

  constructor(edge: string, now: number) {
    this.edge = edge
    this.since = now
  }

  become(state: SeatStatus['state'], now: number): void {
    this.state = state
    this.since = now
  }

  /** Aborts with what the seat does next, or when it is given up. */
  begin(): AbortSignal {
    this.interrupt = new AbortController()
    return AbortSignal.any([this.gone.signal, this.interrupt.signal])
  }
}

export function statusOf({ edge, state, since, tunnel, failures, lastError }: Seat): SeatStatus {
  const ready = tunnel?.ready
  return {
    edge,
    state,
    since,
    rttMs: tunnel?.endpoint.rttMs,
    keyAgreement: ready?.keyAgreement,
    exporterMatched: ready?.exporterMatched,
    flows: tunnel?.endpoint.flowCount ?? 0,
    failures,
    lastError,
  }
}

const MAX_EDGES = 8
