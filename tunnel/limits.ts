/** What one end holds a tunnel to (SPEC.md §10). The edge says its own in READY. */
export interface Limits {
  /** How far an opener may send on a flow before the first CREDIT. */
  readonly initialWindowBytes: number
  /** The sum of initial windows of flows that are not answered yet; each may use 16 KiB beyond it. */
  readonly earlyBytes: number
  readonly maxFlows: number
  /** OPENs without an answer. */
  readonly maxPendingOpens: number
  readonly maxDatagramBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  initialWindowBytes: 256 * 1024,
  earlyBytes: 16 * 1024 * 1024,
  maxFlows: 65_536,
  maxPendingOpens: 4096,
  maxDatagramBytes: 1452,
}
