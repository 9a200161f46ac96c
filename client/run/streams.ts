import { writeSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { isatty } from 'node:tty'

/**
 * Keeps Node's hands off the standard streams, which the program has as well: opening one makes a
 * shared pipe non-blocking, and the program's writes fail with EAGAIN. Node opens `process.stderr` by
 * itself, when a socket is destroyed (seen in 26.10), so each is replaced by one that opens nothing.
 */
export function leaveStreamsAlone(): void {
  define('stdin', Readable.from([]), 0)
  define('stdout', plainWriter(1), 1)
  define('stderr', plainWriter(2), 2)
}

function define(name: 'stdin' | 'stdout' | 'stderr', stream: object, fd: number): void {
  const value = Object.assign(stream, { fd, isTTY: isatty(fd) })
  Object.defineProperty(process, name, { configurable: true, value })
}

function plainWriter(fd: number): Writable {
  return new Writable({
    decodeStrings: true,
    write(chunk: Uint8Array, _encoding, done) {
      try {
        writeSync(fd, chunk)
      } catch {
        // Nobody reads it.
      }
      done()
    },
  })
}
