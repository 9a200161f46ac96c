import type { Command, CommanderError } from 'commander'
import type { Failure } from './output.ts'

/** A slip on the command line as a failure of ours; `undefined` where help or the version was shown. */
export function usageFailure(
  { code, message }: Pick<CommanderError, 'code' | 'message'>,
  program: Command,
  words: readonly string[],
): Failure | undefined {
  if (/^commander\.(help|version)/.test(code)) return undefined
  const what = message.replace(/^error: /, '').replace('\n(Did', ' (did')
  const verb = ['byname', ...verbOf(program, words)].join(' ')
  return { what, fix: `${verb} --help`, code: 'ERR_USAGE' }
}

/** The leading words that name a verb: `connector token` of `connector token hq --bogus`. */
export function verbOf(program: Command, words: readonly string[]): string[] {
  const [word = '', ...rest] = words
  const found = program.commands.find((command) => command.name() === word)
  return found ? [word, ...verbOf(found, rest)] : []
}
