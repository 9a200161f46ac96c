/**
 * When to dial again (wire.md, Liveness): the first try soon, then full jitter between 0.2 s and a
 * ceiling that doubles up to 30 s, so that a thousand clients of one lost edge do not arrive together.
 */
export interface Backoff {
  /** Attempts that failed since the tunnel last stood. */
  readonly failures: number
}

export const FRESH: Backoff = { failures: 0 }

const FIRST_MS = 200
const FLOOR_MS = 200
const CEILING_MS = 30_000

/** @param chance a number in [0, 1) */
export function delayMs({ failures }: Backoff, chance: number): number {
  if (failures === 0) return chance * FIRST_MS
  const ceiling = Math.min(CEILING_MS, FLOOR_MS * 2 ** Math.min(failures, 20))
  return FLOOR_MS + chance * (ceiling - FLOOR_MS)
}

export const afterFailure = ({ failures }: Backoff): Backoff => ({ failures: failures + 1 })
