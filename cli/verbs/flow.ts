import type { Command } from 'commander'
import { addEdgePlaces, type FilterFlags, type ListFlags } from '../edge/flags.ts'
import type { Output } from '../output.ts'

/** `byname flow list|watch`: who reached, or did not reach, what. */
export function register(program: Command, out: Output): void {
  const flow = program
    .command('flow')
    .description('See the flows that this edge let in or refused.')
    .addHelpText('after', '\nExample:\n  $ byname flow watch --denied')
  addFilters(flow.command('list').description('Show the latest flows and refusals.'))
    .option('--limit <count>', 'how many at most', '50')
    .option('--since <time>', 'only the last 10s, 15m, 1h or 7d')
    .addHelpText('after', '\nExample:\n  $ byname flow list --denied --who bob@example.com')
    .action(async (flags: ListFlags) => {
      const { listFlows } = await import('../edge/flows.ts')
      await listFlows(flags, out, Date.now())
    })
  addFilters(
    flow.command('watch').description('Follow the flows as they open, end or are refused.'),
  )
    .addHelpText('after', '\nExample:\n  $ byname flow watch --name wiki.corp.internal')
    .action(async (flags: FilterFlags) => {
      const { watchFlows } = await import('../edge/flows.ts')
      await watchFlows(flags, out)
    })
}

const addFilters = (command: Command): Command =>
  addEdgePlaces(
    command
      .option('--who <text>', 'only of those whose name has this in it')
      .option('--name <text>', 'only to names that have this in them')
      .option('--denied', 'only what was refused or cut by the edge')
      .option('--json', 'one JSON document a line'),
  )
