import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'

const STDERR = 2
const TRIES = 100

/**
 * Says a sentence on the standard error that we share with the program. By the plain system call:
 * `process.stderr` would change flags that are the program's as well. A terminal in raw mode needs the
 * carriage return, in any other it does no harm.
 */
export function say(sentence: string): void {
  let bytes = Buffer.from(`byname: ${sentence}${isatty(STDERR) ? '\r\n' : '\n'}`)
  for (let tries = 0; bytes.length > 0 && tries < TRIES; tries++) {
    try {
      bytes = bytes.subarray(writeSync(STDERR, bytes))
    } catch (error) {
      // The program made it non-blocking and filled it: try again. Closed: nobody reads, nobody misses it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
  }
}
