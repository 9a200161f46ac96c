import { type Client, startClient } from '../../client/client.ts'
import { serveClientControl } from '../../client/control.ts'
import { loadProfile, type Profile } from '../../client/profile.ts'
import { type ClientSettings, readListenAt } from '../../client/settings.ts'
import { EdgeUnreachable } from '../../client/way.ts'
import { makeLog, parseLogLevel } from '../../process/log.ts'
import { onShutdown } from '../../process/signals.ts'
import { controlPath, type Environment } from '../../process/state.ts'
import { detachedLifeMs } from '../detached-life.ts'
import type { Output } from '../output.ts'
import { introduce } from './introduce.ts'

export interface RunFlags {
  readonly profile?: string
  readonly socks: string
  readonly dns: string
  readonly loopback: boolean
  readonly only?: boolean
  readonly credentialFile?: string
  readonly proxy?: string
  readonly requirePostQuantum?: boolean
  readonly logLevel?: string
  readonly isDefault: (flag: 'socks' | 'dns') => boolean
}

/** With a catalogue on disk the names are known at once; a first start waits for the edge. */
const READY_MS = 5_000

/** `byname client run`: in the foreground until a signal. */
export async function runClientVerb(flags: RunFlags, env: Environment, out: Output): Promise<void> {
  const settings = settingsOf(flags, env)
  const profile = await loadProfile(flags.profile, env)
  // getaddrinfo blocks a thread, and two slow names would hold up every other dial.
  process.env.UV_THREADPOOL_SIZE ??= '32'
  const level = parseLogLevel(flags.logLevel ?? env.BYNAME_LOG_LEVEL ?? 'warn')
  const log = makeLog({ name: 'client', level })
  const say = (sentence: string) => out.say(`byname: ${sentence}`)
  const client = await startClient(profile, settings, { log, say, clock: Date.now })
  const control = await controlOf(client, profile, env, log)
  onShutdown(async () => {
    await control.close()
    await client.close()
  })
  await client.way.ready(READY_MS).catch((error: unknown) => {
    if (!(error instanceof EdgeUnreachable)) throw error
    say(`${error.message} yet (${error.why}); trying on`)
  })
  await client.loopback?.settled()
  for (const line of introduce(client.status())) out.say(line)
}

async function controlOf(
  client: Client,
  profile: Profile,
  env: Environment,
  log: ReturnType<typeof makeLog>,
) {
  try {
    return await serveClientControl(client, controlPath('client', profile.directory, env), log)
  } catch (error) {
    await client.close()
    throw error
  }
}

function settingsOf(flags: RunFlags, env: Environment): ClientSettings {
  return {
    socks: { ...readListenAt('--socks', flags.socks), isDefault: flags.isDefault('socks') },
    dns: { ...readListenAt('--dns', flags.dns), isDefault: flags.isDefault('dns') },
    loopback: flags.loopback,
    only: flags.only ?? false,
    credentialFile: flags.credentialFile ?? env.BYNAME_CREDENTIAL_FILE,
    proxy: flags.proxy ?? env.BYNAME_PROXY,
    requiresPostQuantum: flags.requirePostQuantum ?? false,
    detachedLifeMs: detachedLifeMs(env),
  }
}
