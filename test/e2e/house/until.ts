import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  readonly what: string
  /** 40 s when left out. */
  readonly withinMs?: number
  /** What to show when it does not come true. */
  readonly failed?: () => string
}

/** Asks every 50 ms until it is so. @throws when it is not in time */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  { what, withinMs = 40_000, failed = () => '' }: UntilOptions,
): Promise<void> {
  const endsAt = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > endsAt)
      throw new Error(`not within ${withinMs} ms: ${what}\n${failed()}`)
    await sleep(50)
  }
}
