import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import { redact, scrubLine, scrubText } from './log/redact.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LEVELS)[number]

/**
 * The level that a flag or `BYNAME_LOG_LEVEL` names; `undefined` when there is none.
 * @throws an Error with code ERR_LOG_LEVEL and exitCode 2
 */
export function parseLogLevel(text: string | undefined): LogLevel | undefined {
  const level = LEVELS.find((one) => one === text)
  if (level !== undefined || text === undefined || text === '') return level
  const what = `${JSON.stringify(text)} is not a log level`
  const fix = `one of ${LEVELS.join(', ')}`
  throw Object.assign(new Error(what), { code: 'ERR_LOG_LEVEL', fix, exitCode: 2 })
}

/** Facts first, a sentence for people after them: `log.info({ event: 'tunnel-open' }, 'tunnel open')`. */
export type Write = (facts: Record<string, unknown>, sentence: string) => void

/** What every room sees of a log. A double of six functions is one, too. */
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
  const base = { process: name, pid: process.pid }
  const formatters = { level: (label: string) => ({ level: label }) }
  const timestamp = pino.stdTimeFunctions.isoTime
  const hooks = { streamWrite: scrubLine }
  const serializers = { err: (error: unknown) => error }
  const target = stream.isTTY === true ? humanStream(stream) : stream
  return wrap(pino({ level, base, formatters, timestamp, hooks, serializers }, target))
}

/** A log that says nothing, for tests and for verbs whose talk is their own. */
export const silentLog: Log = wrap(pino({ level: 'silent' }))

/** pino's own formatters do not see a child's facts, nor the sentence: so every way in is wrapped. */
function wrap(logger: Logger): Log {
  const writer =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error'): Write =>
    (facts, sentence) => {
      if (logger.isLevelEnabled(level)) logger[level](redact(keepApart(facts)), scrubText(sentence))
    }
  return {
    trace: writer('trace'),
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    child: (facts) => wrap(logger.child(redact(keepApart(facts)))),
  }
}

/** What a line says of itself. A fact of the same name would be a second key, and the reader's choice. */
const OWN_KEYS = ['level', 'time', 'process', 'pid', 'msg']

function keepApart(facts: Record<string, unknown>): Record<string, unknown> {
  if (!OWN_KEYS.some((key) => key in facts)) return facts
  const renamed = Object.entries(facts).map(([key, value]) => [
    OWN_KEYS.includes(key) ? `${key}_` : key,
    value,
  ])
  return Object.fromEntries(renamed)
}

/** pino-pretty is loaded only where a person reads: it doubles the start-up time of a log. */
function humanStream(stream: LogStream): pino.DestinationStream {
  const { prettyFactory } = createRequire(import.meta.url)(
    'pino-pretty',
  ) as typeof import('pino-pretty')
  const format = prettyFactory({
    ignore: 'pid,hostname,process',
    messageFormat: '{process}: {msg}',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    colorize: process.env.NO_COLOR === undefined,
  })
  return { write: (line) => void stream.write(format(line)) }
}
