import type { Command } from 'commander'
import { addEdgePlaces, type ShowFlags, type TokenFlags } from '../edge/flags.ts'
import type { EdgePlaces } from '../edge/socket.ts'
import type { Output } from '../output.ts'

/** `byname connector token|list|revoke`: what an admin does on the edge's machine. */
export function addAdminVerbs(connector: Command, out: Output): void {
  addToken(connector, out)
  addList(connector, out)
  addRevoke(connector, out)
}

function addToken(connector: Command, out: Output): void {
  const token = connector
    .command('token')
    .argument('<name>', 'what the connector will be called')
    .description("Make a join token: what a connector needs to enrol, the edge's address in it.")
    .requiredOption(
      '--may-publish <pattern>',
      'a name it may publish: wiki.corp.internal, "*.ci.corp.internal", domain:corp.internal (again for more)',
      (pattern: string, before: readonly string[] = []) => [...before, pattern],
    )
    .option('--expires <time>', 'how long the token may be used', '24h')
    .option('--uses <count>', 'how many connectors may enrol with it', '1')
    .option('--json', 'token, id and expiry as one JSON document')
  addEdgePlaces(token)
    .addHelpText('after', TOKEN_HELP)
    .action(async (name: string, flags: TokenFlags) => {
      const { makeToken } = await import('../edge/connectors.ts')
      await makeToken(name, flags, out)
    })
}

function addList(connector: Command, out: Output): void {
  addEdgePlaces(connector.command('list'))
    .description('Show the connectors that are enrolled at this edge.')
    .option('--json', 'as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname connector list')
    .action(async (flags: ShowFlags) => {
      const { listConnectors } = await import('../edge/connectors.ts')
      await listConnectors(flags, out, Date.now())
    })
}

function addRevoke(connector: Command, out: Output): void {
  addEdgePlaces(connector.command('revoke'))
    .argument('<connector>', 'its id, or its name where only one has it')
    .description('End a connector for good: its tunnels close, its flows are cut.')
    .addHelpText('after', '\nExample:\n  $ byname connector revoke hq')
    .action(async (wanted: string, flags: EdgePlaces) => {
      const { revokeConnector } = await import('../edge/connectors.ts')
      await revokeConnector(wanted, flags, out)
    })
}

const TOKEN_HELP = `
Example:
  $ byname connector token hq --may-publish domain:corp.internal --expires 1h > hq.token
  $ byname connector run --config connector.yaml --token-file hq.token    # on its machine`
