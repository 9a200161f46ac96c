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
  failures = 0
  lastError: string | undefined

  constructor(edge: string, now: number) {
    this.edge = edge
    this.since = now
  }

  become(state: SeatStatus['state'], now: number): void {
    this.state = state
    this.since = now
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

/** One spelling an edge: READY may give `wss://…/tunnel`, the join token gave `https://…`. */
function originOf(text: string): string | undefined {
  const url = URL.parse(text.replace(/^wss:/i, 'https:'))
  return url?.protocol === 'https:' ? url.origin : undefined
}
