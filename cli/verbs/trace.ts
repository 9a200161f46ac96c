import type { Command } from 'commander'
import type { Output } from '../output.ts'
import { PROXY } from './proxy-flag.ts'

/** `byname trace HOST[:PORT]`: the way of one flow with microseconds a hop. */
export function register(program: Command, out: Output): void {
  program
    .command('trace')
    .description('Open a flow to a name and show each hop of its way, with microseconds.')
    .argument('<host:port>', 'the name, and the port (80 when left out)')
    .option('--profile <name>', 'edge and identity to use (BYNAME_PROFILE)')
    .option(...PROXY)
    .option('--json', 'as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname trace wiki.corp.internal:80')
    .action(
      async (
        target: string,
        flags: { readonly profile?: string; readonly proxy?: string; readonly json?: boolean },
      ) => {
        const { traceVerb } = await import('../client/trace.ts')
        await traceVerb(target, flags, process.env, out)
      },
    )
}
