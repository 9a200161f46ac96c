import type { Command } from 'commander'
import { addEdgePlaces, type DrainFlags, type RunFlags, type ShowFlags } from '../edge/flags.ts'
import type { EdgePlaces } from '../edge/socket.ts'
import type { Output } from '../output.ts'

/** `byname edge run|status|reload|drain`. */
export function register(program: Command, out: Output): void {
  const edge = program
    .command('edge')
    .description('Run the edge: where clients and connectors meet.')
    .addHelpText('after', '\nExample:\n  $ byname edge run --config edge.yaml')
  addRun(edge)
  addEdgePlaces(edge.command('status'))
    .description('Show what the edge of this machine serves.')
    .option('--json', 'the whole status as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname edge status')
    .action(async (flags: ShowFlags) => {
      const { showStatus } = await import('../edge/status.ts')
      await showStatus(flags, out, Date.now())
    })
  addEdgePlaces(edge.command('reload'))
    .description('Read the policy file now; a bad one is refused and the last good one stays.')
    .addHelpText('after', '\nExample:\n  $ byname edge reload')
    .action(async (flags: EdgePlaces) => {
      const { reloadPolicy } = await import('../edge/status.ts')
      await reloadPolicy(flags, out)
    })
  addEdgePlaces(edge.command('drain'))
    .description('Move all flows to the other edges, then stop the edge.')
    .option('--deadline <time>', 'when it stops with flows left: 10s, 5m, 1h', '60s')
    .option('--json', 'one JSON document a line, as in a pipe')
    .addHelpText('after', '\nExample:\n  $ byname edge drain --edge a --deadline 5m')
    .action(async (flags: DrainFlags) => {
      const { drainEdge } = await import('../edge/drain.ts')
      await drainEdge(flags, out)
    })
}

function addRun(edge: Command): void {
  edge
    .command('run')
    .description('Serve until stopped, in the foreground.')
    .option('--config <file>', 'settings (BYNAME_CONFIG, else edge.yaml where settings are kept)')
    .option('--state <directory>', 'where keys, sessions and records are kept')
    .option('--log-level <level>', 'trace, debug, info, warn or error (BYNAME_LOG_LEVEL)')
    .addHelpText('after', RUN_HELP)
    .action(async (flags: RunFlags) => {
      const { serveEdge } = await import('../edge/serve.ts')
      await serveEdge(flags, process.env)
    })
}

const RUN_HELP = `
Example:
  $ cat edge.yaml
  listen: 0.0.0.0:443
  url: https://edge.example.com
  policy: { file: policy.yaml }
  $ byname edge run --config edge.yaml`
