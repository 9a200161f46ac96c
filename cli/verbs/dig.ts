import type { Command } from 'commander'
import type { Output } from '../output.ts'

/** `byname dig NAME [TYPE]`: what byname's resolver says to a name, who answered and why. */
export function register(program: Command, out: Output): void {
  program
    .command('dig')
    .description("Ask byname's resolver for a name; says who answered and why.")
    .argument('<name>', 'the name to ask for')
    .argument('[type]', 'A, AAAA, SRV, MX, TXT …', 'A')
    .option('--profile <name>', 'edge and identity to use (BYNAME_PROFILE)')
    .option('--json', 'the whole answer as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname dig wiki.corp.internal')
    .action(
      async (name: string, type: string, flags: { readonly profile?: string; json?: boolean }) => {
        const { digVerb } = await import('../client/dig.ts')
        await digVerb({ name, type: type.toUpperCase(), ...flags }, process.env, out)
      },
    )
}
