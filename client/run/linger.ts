/** What is still on its way when the program has ended. */
export interface Remaining {
  /** Connections, or flows of connections, that are not over. */
  readonly open: number
  /** Those of them whose program has said its last: the rest of it must still arrive. */
  readonly ending: number
  /** Bytes taken from the program so far. */
  readonly bytesFromProgram: number
}

export interface LingerTimes {
  /** While nothing moves, what is ending has this long … */
  readonly endingMs: number
  /** … and what some other process inside holds open this long. */
  readonly heldMs: number
  readonly mostMs: number
}

export const LINGER: LingerTimes = { endingMs: 3000, heldMs: 300, mostMs: 30_000 }

/**
 * Whether to wait on, after the program's end, for what it wrote last: outside, the kernel would send
 * it after the program had gone. `stillSinceMs`: for how long no byte has come.
 */
export function keepWaiting(
  remaining: Remaining,
  { stillSinceMs, sinceEndMs }: { stillSinceMs: number; sinceEndMs: number },
  times: LingerTimes = LINGER,
): boolean {
  if (remaining.open === 0 || sinceEndMs >= times.mostMs) return false
  return stillSinceMs < (remaining.ending > 0 ? times.endingMs : times.heldMs)
}

const POLL_MS = 5

/** Resolves when nothing is worth waiting for any more. */
export async function linger(look: () => Remaining, clock: () => number): Promise<void> {
  const endedAt = clock()
  let stillSince = endedAt
  let bytes = -1
  for (;;) {
    const remaining = look()
    const now = clock()
    if (remaining.bytesFromProgram !== bytes) stillSince = now
    bytes = remaining.bytesFromProgram
    const waited = { stillSinceMs: now - stillSince, sinceEndMs: now - endedAt }
    if (!keepWaiting(remaining, waited)) return
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}
