import type { Command } from 'commander'
import type { PublishFlags } from '../connector/publish.ts'
import { FlagError } from '../flag-error.ts'
import type { Output } from '../output.ts'
import { PROXY } from './proxy-flag.ts'

/** `byname publish HOST TO`: one app, until Ctrl-C. */
export function register(program: Command, out: Output): void {
  program
    .command('publish')
    .description('Publish one app under a name until Ctrl-C.')
    .argument('<host>', 'the name: wiki.corp.internal, or "*.ci.corp.internal"')
    .argument('<to>', 'where it is: http://localhost:8080, db.lan:5432, unix:/run/app.sock')
    .option('--port <port>', 'port on which it is reached; again for more', collectPort)
    .option('--token-file <file>', 'one-time join token; - for standard input (BYNAME_TOKEN_FILE)')
    .option('--state <directory>', 'where the key and the enrolment are kept')
    .option(...PROXY)
    .addHelpText('after', HELP)
    .action(async (host: string, to: string, flags: PublishFlags) => {
      const { publish } = await import('../connector/publish.ts')
      await publish(host, to, flags, process.env, out)
    })
}

function collectPort(text: string, before: readonly number[] = []): readonly number[] {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return [...before, port]
  throw new FlagError(`--port ${text} is no port`, '--port 80 (1 to 65535)')
}

const HELP = `
Examples:
  $ byname publish wiki.corp.internal http://localhost:8080 --token-file ./token
  $ byname publish db.corp.internal 10.0.0.7:5432

An http:// app is reached on port 80 and on its own port. The token is needed once.`
