import type { Command } from 'commander'
import { PROXY } from './proxy-flag.ts'

interface RunFlags {
  readonly profile?: string
  readonly proxy?: string
  readonly timing?: boolean
}

/** `byname run -- CMD…`: any program, any TCP port, by name. What follows the command is the command's. */
export function register(program: Command): void {
  program
    .command('run')
    .description('Run a program that reaches private apps by name, on any TCP port, without root.')
    .argument('<command...>', 'the program and its words')
    .passThroughOptions()
    .option('--profile <name>', 'edge and identity to use (BYNAME_PROFILE)')
    .option(...PROXY)
    .option('--timing', 'say on standard error how long each step took')
    .addHelpText('after', HELP)
    .action(async (words: readonly string[], flags: RunFlags) => {
      const { runVerb } = await import('../run/run.ts')
      await runVerb(words.length, flags)
    })
}

const HELP = `
Examples:
  $ byname run -- curl http://wiki.corp.internal/
  $ byname run --profile bob -- psql -h db.corp.internal
  $ byname run -- bash

The program keeps its user, terminal, signals, exit status, environment and files; names that
byname does not own resolve and connect as they would without it. docs/run.md has the rest.`
