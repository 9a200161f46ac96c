import { libc } from './libc.ts'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9n

/**
 * Until it is the program, this process must not outlive byname outside, and at no moment of it:
 * Node's 'disconnect' is not told of a parent that died before the channel was first read.
 */
export function dieWithParent(parentPid: number): void {
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n)
  if (process.ppid !== parentPid) process.exit(1)
}

/** The program may: it then reaches nothing, but it is the person's and not ours to end. */
export function mayOutliveParent(): void {
  libc.prctl(PR_SET_PDEATHSIG, 0n, 0n, 0n, 0n)
}
