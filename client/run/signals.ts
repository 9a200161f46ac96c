import { readFileSync } from 'node:fs'

/** Always passed on: who sends them means the program. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
/** Passed on unless the terminal sent them, for then the program has had them too. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const

/**
 * From now on signals to this process go to the program. Returns the way to stop. Stopping and going
 * on (^Z, fg) need nothing: they reach both, who share one process group.
 */
export function passSignalsOn(send: (signal: NodeJS.Signals) => void): () => void {
  const always = (signal: NodeJS.Signals) => send(signal)
  const unlessTerminal = (signal: NodeJS.Signals) => {
    if (!isForeground()) send(signal)
  }
  for (const signal of PASSED_ON) process.on(signal, always)
  for (const signal of FROM_TERMINAL) process.on(signal, unlessTerminal)
  return () => {
    for (const signal of PASSED_ON) process.off(signal, always)
    for (const signal of FROM_TERMINAL) process.off(signal, unlessTerminal)
  }
}

/** Whether our group is the one that the terminal sends ^C to: fields 5, 7 and 8 of proc_pid_stat(5). */
export function isForegroundGroup(stat: string): boolean {
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return terminal !== '0' && group === foreground
}

function isForeground(): boolean {
  try {
    return isForegroundGroup(readFileSync('/proc/self/stat', 'utf8'))
  } catch {
    return false
  }
}
