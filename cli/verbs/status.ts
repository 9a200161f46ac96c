import type { Command } from 'commander'
import { EXIT, type Output } from '../output.ts'

/** `byname status`: the client that runs on this machine. */
export function register(program: Command, out: Output): void {
  program
    .command('status')
    .description('Show the client that runs here: its person, its tunnel, its on-ramps.')
    .option('--profile <name>', 'edge and identity whose client is meant (BYNAME_PROFILE)')
    .option('--json', 'the whole status as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname status --profile alice')
    .action(async (flags: { readonly profile?: string; readonly json?: boolean }) => {
      const { printStatus, readStatus } = await import('../client/status.ts')
      const status = await readStatus(flags.profile, process.env)
      if (flags.json) out.json(status)
      else printStatus(status, out, Date.now())
      if (status.way.tunnel !== 'open') process.exitCode = EXIT.no
    })
}
