import { styleText } from 'node:util'

/** Exit codes of every verb (dependencies.md §4). */
export const EXIT = { ok: 0, no: 1, usage: 2, unreachable: 3, signIn: 4, interrupted: 130 } as const

/** Where a verb speaks: data on stdout, talk on stderr; columns for people, JSON lines for pipes. */
export interface Output {
  /** Whether stdout is a terminal that a person reads. */
  readonly isTerminal: boolean
  /** Text as it is. */
  write(text: string): void
  /** A line of data. */
  line(text: string): void
  /** One JSON document (or one line of a stream of them). */
  json(value: unknown): void
  /** Rows under upper-case heads, two spaces apart, no borders. */
  table(heads: readonly string[], rows: readonly (readonly string[])[]): void
  /** Talk, on stderr. */
  say(text: string): void
  /** Three lines: what failed, why, what mends it; the code last. */
  fail(failure: Failure): void
}

export interface Failure {
  readonly what: string
  readonly why?: string | undefined
  readonly fix?: string | undefined
  readonly code?: string | undefined
}

/** Reads the streams when first used only: touching one changes flags that `byname run` shares. */
export function makeOutput(streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Output {
  let watched: NodeJS.WriteStream | undefined
  const stdout = () => {
    watched ??= streams.stdout.on('error', endWithReader)
    return watched
  }
  return {
    get isTerminal() {
      return stdout().isTTY === true && process.env.TERM !== 'dumb'
    },
    write: (text) => void stdout().write(text),
    line: (text) => void stdout().write(`${text}\n`),
    json: (value) => void stdout().write(`${JSON.stringify(value)}\n`),
    table: (heads, rows) => void stdout().write(formatTable(heads, rows)),
    say: (text) => void streams.stderr.write(`${text}\n`),
    fail: (failure) => void streams.stderr.write(formatFailure(failure, streams.stderr)),
  }
}

/** Whoever read our output has seen enough (`byname flow watch | head`): there is nothing to say. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(EXIT.ok)
}

/** What any thrown value says to a person: its own sentence, `why` and `fix` fields and its code. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { what: String(error) }
  const { why, fix, code } = error as Error & { why?: string; fix?: string; code?: string }
  return { what: error.message, why, fix, code }
}

/** Control characters in names and reasons must not reach a terminal or start a line of their own. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

function formatFailure({ what, why, fix, code }: Failure, stream: NodeJS.WriteStream): string {
  const head = styleText('red', 'byname:', { stream })
  const lines = [`${head} ${what}`]
  if (why) lines.push(`  because ${why}`)
  if (fix) lines.push(`  try: ${fix}`)
  if (code) lines.push(code.startsWith('ERR_') ? `  (${code}, see docs/errors.md)` : `  (${code})`)
  return `${lines.join('\n')}\n`
}

function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads.map((head) => head.toUpperCase()), ...rows.map((row) => row.map(plainText))]
  const widths = heads.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)))
  const format = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')
  return `${all.map(format).join('\n')}\n`
}
