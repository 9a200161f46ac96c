/** Where in a file, both counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** One thing wrong in a file, as a sentence for its author; `fix` says what to write instead. */
export interface Problem extends Position {
  readonly code: `ERR_${string}` | `WARN_${string}`
  readonly file: string
  readonly message: string
  readonly fix?: string | undefined
}

/** A configuration that is refused, with every problem that was found, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  readonly problems: readonly Problem[]
  /** How to mend the first problem: what the CLI prints under the sentence. */
  readonly fix: string | undefined
  constructor(problems: readonly Problem[]) {
    super(summarise(problems))
    this.problems = problems
    this.fix = problems[0]?.fix
  }
}

/**
 * A problem for a person: place and sentence, the line of the file with a caret, the fix.
 * `sourceText` is the text of the file; without it the line is left out.
 */
export function formatProblem(problem: Problem, sourceText?: string): string {
  const lines = [plainLine(`${placeOf(problem)}: ${problem.message}`)]
  const source = sourceText?.split(/\r\n|\n|\r/, problem.line)[problem.line - 1]
  if (source !== undefined && source.trim() !== '') lines.push(...excerpt(source, problem))
  if (problem.fix) lines.push(plainLine(`  fix: ${problem.fix}`))
  return lines.join('\n')
}

/** One column a character, and nothing that a terminal would obey. */
export function plainLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/\t/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

const placeOf = ({ file, line, column }: Problem) => `${file}:${line}:${column}`

function summarise(problems: readonly Problem[]): string {
  const [first, ...others] = problems
  if (!first) return 'the configuration is refused'
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  return `${placeOf(first)}: ${first.message}${more}`
}

const EXCERPT_CHARACTERS = 120

function excerpt(source: string, { line, column }: Position): string[] {
  const from = column > EXCERPT_CHARACTERS - 20 ? column - 60 : 0
  const shown = plainLine(source.slice(from, from + EXCERPT_CHARACTERS))
  const margin = ' '.repeat(String(line).length)
  return [`  ${line} | ${shown}`, `  ${margin} | ${' '.repeat(Math.max(0, column - 1 - from))}^`]
}
