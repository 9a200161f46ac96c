import type { Command } from 'commander'
import { EXIT, type Output } from '../output.ts'
import { addAdminVerbs } from './connector-admin.ts'
import { PROXY } from './proxy-flag.ts'

/** `byname connector run|status`, and the admin's verbs beside the edge. */
export function register(program: Command, out: Output): void {
  const connector = program
    .command('connector')
    .description('Publish private apps by hostname from where only this machine reaches them.')
    .addHelpText('after', '\nExample:\n  $ byname connector run --config connector.yaml')
  addRun(connector)
  addStatus(connector, out)
  addAdminVerbs(connector, out)
}

interface Places {
  readonly config?: string
  readonly state?: string
}

interface RunFlags extends Places {
  readonly tokenFile?: string
  readonly proxy?: string
  readonly logLevel?: string
}

function addRun(connector: Command): void {
  connector
    .command('run')
    .description('Connect to the edge and serve the apps of a settings file until stopped.')
    .option(
      '--config <file>',
      'settings (BYNAME_CONFIG, else connector.yaml where settings are kept)',
    )
    .option('--token-file <file>', 'one-time join token; - for standard input (BYNAME_TOKEN_FILE)')
    .option('--state <directory>', 'where the key and the enrolment are kept')
    .option(...PROXY)
    .option('--log-level <level>', 'trace, debug, info, warn or error (BYNAME_LOG_LEVEL)')
    .addHelpText('after', RUN_HELP)
    .action(async (flags: RunFlags) => {
      const { serveConnector } = await import('../connector/serve.ts')
      await serveConnector(flags, process.env)
    })
}

function addStatus(connector: Command, out: Output): void {
  connector
    .command('status')
    .description('Show the tunnels and apps of the connector that runs on this machine.')
    .option('--config <file>', 'its settings, when they say where its state is')
    .option('--state <directory>', 'its state directory')
    .option('--json', 'the whole status as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname connector status')
    .action(async (flags: Places & { readonly json?: boolean }) => {
      const { readStatus, printStatus } = await import('../connector/status.ts')
      const status = await readStatus(flags, process.env)
      if (flags.json) out.json(status)
      else printStatus(status, out, Date.now())
      if (!status.tunnels.some(({ state }) => state === 'open')) process.exitCode = EXIT.no
    })
}

const RUN_HELP = `
Example:
  $ cat connector.yaml
  apps:
    - { host: wiki.corp.internal, to: http://localhost:8080 }
    - { host: "*.ci.corp.internal", ports: [22, 443] }
  $ byname connector run --config connector.yaml --token-file ./token

The token comes from \`byname connector token\` at the edge and is needed once.`
