import { createRequire } from 'node:module'
import pino from 'pino'
import { redact, scrubLine, scrubText } from './log/redact.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Facts first, a sentence for people after them: `log.info({ event: 'tunnel-open' }, 'tunnel open')`. */
export type Write = (facts: Record<string, unknown>, sentence: string) => void

/** What every room sees of a log. A pino logger is one; so is a double of five functions in a test. */
export interface Log {
  readonly trace: Write
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  child(facts: Record<string, unknown>): Log
}

export interface LogOptions {
  /** Which process speaks: `edge`, `connector`, `client`. */
  readonly name: string
  /** Default `info`. */
  readonly level?: LogLevel | undefined
  /** Where lines go; default stderr, for stdout is data. Human when it is a terminal, else JSON lines. */
  readonly stream?: LogStream | undefined
}

export interface LogStream {
  write(line: string): unknown
  readonly isTTY?: boolean | undefined
}

/**
 * A structured log. Secrets leave it by two ways: fields with a secret's name, and anything in the
 * finished line that looks like one of our tokens or a JWT. Control characters become visible escapes.
 */
export function makeLog({ name, level = 'info', stream = process.stderr }: LogOptions): Log {
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: redact,
        bindings: redact,
      },
      hooks: {
        streamWrite: scrubLine,
        logMethod(parts, write) {
          const [facts, sentence] = parts
          write.call(this, facts, scrubText(String(sentence ?? '')))
        },
      },
    },
    stream.isTTY === true ? humanStream(stream) : stream,
  )
}

/** A log that says nothing, for tests and for verbs whose talk is their own. */
export const silentLog: Log = pino({ level: 'silent' })

/** pino-pretty is loaded only where a person reads: it doubles the start-up time of a log. */
function humanStream(stream: LogStream): pino.DestinationStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  return pretty({
    sync: true,
    destination: { write: (line: string) => void stream.write(line) } as never,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
}
