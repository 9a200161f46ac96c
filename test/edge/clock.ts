import type { TunnelClock } from '../../tunnel/port.ts'

/** Time that moves when a test says so. Tasks run in the order in which they are due. */
export interface TestClock extends TunnelClock {
  advance(ms: number): void
  /** Runs what is due now, and what that makes due. */
  run(): void
  /** Lets the micros pass that some work is said to cost. */
  spend(micros: number): void
  onTask: (() => void) | undefined
}

export function makeClock(start = 0): TestClock {
  const tasks = new Map<object, { at: number; task: () => void }>()
  let now = start
  let spent = 0
  const after = (delayMs: number, task: () => void) => {
    const key = {}
    tasks.set(key, { at: now + delayMs, task })
    return () => void tasks.delete(key)
  }
  const runUntil = (end: number) => {
    for (;;) {
      const due = [...tasks].filter(([, { at }]) => at <= end)
      const [first] = due.sort(([, a], [, b]) => a.at - b.at)
      if (!first) break
      tasks.delete(first[0])
      now = Math.max(now, first[1].at)
      clock.onTask?.()
      first[1].task()
    }
    now = end
  }
  const clock: TestClock = {
    now: () => now,
    micros: () => now * 1000 + spent,
    defer: (task) => void after(0, task),
    after,
    advance: (ms) => runUntil(now + ms),
    run: () => runUntil(now),
    spend: (micros) => {
      spent += micros
    },
    onTask: undefined,
  }
  return clock
}
