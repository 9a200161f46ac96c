import type { Command } from 'commander'
import type { Output } from '../output.ts'
import { PROXY } from './proxy-flag.ts'

/** `byname client run`: the on-ramps without root, in the foreground. */
export function register(program: Command, out: Output): void {
  const client = program
    .command('client')
    .description('Offer private names to every program of yours, without root.')
    .addHelpText('after', '\nExample:\n  $ byname client run')
  client
    .command('run')
    .description('Open the proxy port, the resolver and its listeners until stopped.')
    .option('--profile <name>', 'edge and identity to use (BYNAME_PROFILE)')
    .option('--socks <address:port>', 'SOCKS5, SOCKS4a, HTTP proxy and PAC file', '127.0.0.1:1080')
    .option('--dns <address:port>', 'resolver, UDP and TCP', '127.0.0.1:5353')
    .option('--no-loopback', 'no resolver and no listeners in 127.80.0.0/16')
    .option('--only', 'refuse what byname does not own, instead of reaching it directly')
    .option(
      '--credential-file <file>',
      'user:password that programs must give (BYNAME_CREDENTIAL_FILE)',
    )
    .option(...PROXY)
    .option('--require-post-quantum', 'no tunnel without X25519MLKEM768')
    .option('--log-level <level>', 'trace, debug, info, warn or error (BYNAME_LOG_LEVEL)')
    .addHelpText('after', HELP)
    .action(async (_flags: unknown, command: Command) => {
      const { runClientVerb } = await import('../client/run.ts')
      const isDefault = (flag: string) => command.getOptionValueSource(flag) === 'default'
      await runClientVerb({ ...command.opts(), isDefault }, process.env, out)
    })
}

const HELP = `
Examples:
  $ byname client run --profile alice
  $ curl --proxy socks5h://127.0.0.1:1080 http://wiki.corp.internal/
  $ dig @127.0.0.1 -p 5353 wiki.corp.internal

A port of the defaults that is taken gives way to a free one; what runs where is said at the start.`
