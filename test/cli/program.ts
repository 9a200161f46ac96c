import { Command } from 'commander'
import { makeOutput } from '../../cli/output.ts'
import { VERBS } from '../../cli/verbs/index.ts'

/** The real command line with every verb, for tests that look at it and run nothing. */
export async function wholeProgram(): Promise<Command> {
  const program = new Command('byname').exitOverride().enablePositionalOptions()
  await VERBS.register(program, makeOutput(process), undefined)
  return program
}

/** Every command under `program`, groups included, with the words that lead to it. */
export function* commandsOf(
  program: Command,
  words: readonly string[] = [],
): Generator<{ readonly command: Command; readonly words: readonly string[] }> {
  for (const command of program.commands) {
    const here = [...words, command.name()]
    yield { command, words: here }
    yield* commandsOf(command, here)
  }
}

/** What `--help` prints, with what was added after it. */
export function helpOf(command: Command): string {
  const parts: string[] = []
  command.configureOutput({ writeOut: (part) => void parts.push(part) })
  command.outputHelp()
  return parts.join('')
}
