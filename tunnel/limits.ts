/** What the edge holds every tunnel to and says in READY (SPEC.md §10). */
export interface Limits {
  /** How far an opener may send on a flow before the first CREDIT. */
  readonly initialWindowBytes: number
  /** The same for all flows of a tunnel together: see `initialShare`. */
  readonly earlyBytes: number
  readonly maxFlows: number
  /** OPENs without an answer. */
  readonly maxPendingOpens: number
  readonly maxDatagramBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  initialWindowBytes: 256 * 1024,
  earlyBytes: 8 * 1024 * 1024,
  maxFlows: 65_536,
  maxPendingOpens: 4096,
  maxDatagramBytes: 1452,
}

/** No READY may go beyond these, nor below one. */
export const MOST: Limits = {
  initialWindowBytes: 16 * 1024 * 1024,
  earlyBytes: 1024 * 1024 * 1024,
  maxFlows: 1_000_000,
  maxPendingOpens: 65_536,
  maxDatagramBytes: 65_507,
}

/** What every flow keeps, however many there are. */
export const LEAST_WINDOW_BYTES = 16 * 1024

/** The initial window of one more flow beside `flows` others: it falls as a tunnel fills (§5.3). */
export function initialShare(limits: Limits, flows: number): number {
  const share = Math.floor(limits.earlyBytes / (flows + 1))
  return Math.min(limits.initialWindowBytes, Math.max(LEAST_WINDOW_BYTES, share))
}

/** Events per second in the long run, and at once. Beyond, the tunnel is closed `rate-limited`. */
export type Rate = readonly [perSecond: number, burst: number]

/** What a peer may do how often. OPENs beyond their rate are refused first, closed at twice it. */
export interface Rates {
  readonly open: Rate
  /** A client that lost its tunnel comes with all its flows at once. */
  readonly resume: Rate
  /** RESET and DETACHED. */
  readonly reset: Rate
  readonly ping: Rate
  /** RESOLVE and every other control message; a long one counts as several (`eventsOf`). */
  readonly control: Rate
  /** Frames with less than `SMALL_BYTES` of payload, and messages. */
  readonly small: Rate
}

export const DEFAULT_RATES: Rates = {
  open: [20_000, 20_000],
  resume: [5_000, 65_536],
  reset: [2_000, 10_000],
  ping: [10, 50],
  control: [1_000, 5_000],
  small: [200_000, 100_000],
}

const NO_LIMIT: Rate = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]

/**
 * For a tunnel that many people share, a connector's: what one of them makes the other side say or
 * resend must not end it. Their own tunnels have bounded what they can ask for.
 */
export const sharedRates = (rates: Rates): Rates => ({
  ...rates,
  reset: NO_LIMIT,
  control: [rates.control[0] * 32, rates.control[1] * 32],
  small: NO_LIMIT,
})

/** Frames below this cost the reader more than the line. */
export const SMALL_BYTES = 256

/** What a control message of this length counts as: reading its JSON takes as long as it is. */
export const eventsOf = (length: number): number => 1 + Math.floor(length / 4096)
