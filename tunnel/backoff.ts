export interface Retry {
  /** Failed tries since the last tunnel that was ready; 0 for the first. */
  readonly failures: number
  /** Another tunnel lives, so nobody waits for this one. */
  readonly anotherLives: boolean
  /** Flows wait detached. */
  readonly flowsWait: boolean
}

const FIRST_MS = 200
const CEILING_MS = 30_000
const FLOWS_CEILING_MS = 2_000

/**
 * How long to wait before dialling (SPEC.md §6.3): full jitter, so that a thousand connectors which
 * lost one edge do not arrive together. `chance` is in [0, 1).
 */
export function retryDelayMs(retry: Retry, chance: number): number {
  return chance * spreadMs(retry)
}

function spreadMs({ failures, anotherLives, flowsWait }: Retry): number {
  if (failures === 0) return anotherLives ? 1000 : FIRST_MS
  const ceiling = flowsWait ? FLOWS_CEILING_MS : CEILING_MS
  return Math.min(ceiling, FIRST_MS * 2 ** Math.min(failures, 16))
}
