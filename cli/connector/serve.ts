import { type RunningConnector, runConnector } from '../../connector/main.ts'
import type { ConnectorSettings } from '../../connector/settings.ts'
import { readSettings } from '../../connector/settings-file.ts'
import { type Log, makeLog, parseLogLevel } from '../../process/log.ts'
import { onReload, onShutdown } from '../../process/signals.ts'
import { configFile, type Environment } from '../../process/state.ts'
import { detachedLifeMs } from '../detached-life.ts'
import { EXIT } from '../output.ts'

export interface ServeFlags {
  readonly config?: string
  readonly state?: string
  readonly tokenFile?: string
  readonly proxy?: string
  readonly logLevel?: string
}

/** `byname connector run`: in the foreground until a signal, or until the edge revokes it. */
export async function serveConnector(flags: ServeFlags, env: Environment): Promise<void> {
  const file = configFile('connector', flags.config, env)
  const settings = withFlags(readSettings(file), flags, env)
  roomForLookups()
  const level = parseLogLevel(flags.logLevel ?? env.BYNAME_LOG_LEVEL)
  const log = makeLog({ name: 'connector', level })
  const waiting = new AbortController()
  let connector: RunningConnector | undefined
  onShutdown(() => stop(connector, waiting, log))
  const version = env.BYNAME_VERSION ?? '0.1.0'
  const { signal } = waiting
  const life = { detachedLifeMs: detachedLifeMs(env) }
  connector = await runConnector(settings, { log, env, version, file, signal, ...life })
  onReload(() => connector?.reload())
  const reason = await connector.revoked
  await connector.close(0)
  throw Object.assign(new Error('the edge has revoked this connector'), {
    code: 'ERR_CONNECTOR_REVOKED',
    why: reason,
    fix: 'on the edge: byname connector token NAME --may-publish HOST; then here: --token-file FILE',
    exitCode: EXIT.signIn,
  })
}

/**
 * getaddrinfo blocks a thread, and libuv lets it have half of the four there are: two slow names would
 * hold up every other dial. Read when the first thread is needed, so it must be set before.
 */
export function roomForLookups(): void {
  process.env.UV_THREADPOOL_SIZE ??= '32'
}

/** Flag, then environment, then file. */
export function withFlags(
  settings: ConnectorSettings,
  flags: ServeFlags,
  env: Environment,
): ConnectorSettings {
  return {
    ...settings,
    tokenFile: flags.tokenFile ?? env.BYNAME_TOKEN_FILE ?? settings.tokenFile,
    state: flags.state ?? settings.state,
    proxy: flags.proxy ?? env.BYNAME_PROXY ?? settings.proxy,
  }
}

async function stop(
  connector: RunningConnector | undefined,
  waiting: AbortController,
  log: Log,
): Promise<void> {
  waiting.abort()
  const cut = (await connector?.close()) ?? 0
  log.info({ event: 'stopped', cut }, cut > 0 ? `stopped; ${cut} flows were cut` : 'stopped')
}
