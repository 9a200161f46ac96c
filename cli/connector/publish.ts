import { type RunningConnector, runConnector } from '../../connector/main.ts'
import { publishSettings } from '../../connector/publish.ts'
import type { AppStatus } from '../../connector/status.ts'
import { makeLog, parseLogLevel } from '../../process/log.ts'
import { onShutdown } from '../../process/signals.ts'
import type { Environment } from '../../process/state.ts'
import { EXIT, type Output } from '../output.ts'
import { roomForLookups } from './serve.ts'

export interface PublishFlags {
  readonly port?: readonly number[]
  readonly tokenFile?: string
  readonly state?: string
  readonly proxy?: string
}

/** Publishes until a signal, the edge's revocation, or a name that may not be published. */
export async function publish(
  host: string,
  to: string,
  flags: PublishFlags,
  env: Environment,
  out: Output,
): Promise<void> {
  const { port: ports, state } = flags
  const tokenFile = flags.tokenFile ?? env.BYNAME_TOKEN_FILE
  const proxy = flags.proxy ?? env.BYNAME_PROXY
  const settings = publishSettings({ host, to, ports, state, tokenFile, proxy }, process.cwd())
  const level = parseLogLevel(env.BYNAME_LOG_LEVEL) ?? 'warn'
  const log = makeLog({ name: 'publish', level })
  roomForLookups()
  let connector: RunningConnector | undefined
  onShutdown(() => connector?.close().then(() => EXIT.ok))
  const version = env.BYNAME_VERSION ?? '0.1.0'
  connector = await runConnector(settings, { log, env, version, hasControl: false })
  const [app] = connector.status.apps
  if (app?.granted === false) await refuse(connector, app)
  await untilReady(connector)
  out.say(`${app?.host} is published on ${app?.ports.join(' and ')}, to ${to}. Ctrl-C ends it.`)
  const reason = await connector.revoked
  await connector.close(0)
  throw failure('the edge has revoked this connector', 'ERR_CONNECTOR_REVOKED', reason, EXIT.signIn)
}

async function refuse(connector: RunningConnector, app: AppStatus): Promise<never> {
  const { name } = connector.status
  await connector.close(0)
  const why = `the token that enrolled ${name} does not grant that name`
  const what = `${app.host} may not be published by ${name}`
  throw failure(what, 'ERR_NOT_GRANTED', why, EXIT.no)
}

async function untilReady(connector: RunningConnector): Promise<void> {
  while (!connector.isReady) await new Promise((resolve) => setTimeout(resolve, 50))
}

function failure(what: string, code: string, why: string, exitCode: number): Error {
  const fix =
    'on the edge: byname connector token NAME --may-publish HOST; then here: --token-file FILE'
  return Object.assign(new Error(what), { code, why, fix, exitCode })
}
