import path from 'node:path'
import { serveControl } from '../process/control.ts'
import { serveHealth } from '../process/health.ts'
import type { Log } from '../process/log.ts'
import { controlPath, type Environment, placeState, stateRoots } from '../process/state.ts'
import { retryDelayMs } from '../tunnel/backoff.ts'
import { systemClock } from '../tunnel/link.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { App } from './app.ts'
import { Connector } from './connector.ts'
import type { Enrolment } from './enrol/store.ts'
import { type EnrolOptions, enrol } from './enrol.ts'
import type { Network } from './network.ts'
import type { ConnectorSettings } from './settings.ts'
import { watchSettings } from './settings-file.ts'
import type { ConnectorStatus } from './status.ts'

export interface RunOptions {
  readonly log: Log
  readonly env: Environment
  readonly version: string
  /** The file that the settings came from: its apps follow it from then on. */
  readonly file?: string
  /** Answer `byname connector status`; a `publish` beside a running connector does not. */
  readonly hasControl?: boolean
  readonly clock?: TunnelClock
  readonly network?: Network
  readonly random?: () => number
  /** How long a flow may be without a tunnel; 120,000 when left out. */
  readonly detachedLifeMs?: number | undefined
  /** Gives up waiting for an edge to enrol at. */
  readonly signal?: AbortSignal
}

export interface RunningConnector {
  readonly status: ConnectorStatus
  /** At least one tunnel is up. */
  readonly isReady: boolean
  /** Resolves with the edge's reason when it has revoked this connector. */
  readonly revoked: Promise<string>
  /** Of the /healthz listener; undefined without one. */
  readonly healthPort: number | undefined
  /** Publishes these apps instead. */
  replace(apps: readonly App[]): void
  /** Reads the settings file now. */
  reload(): void
  /** Lets flows end for a while, then closes everything. @returns how many flows were cut */
  close(drainMs?: number): Promise<number>
}

/**
 * A whole connector: enrolled, announced, listening to its admin, following its settings file.
 * Waits for the edge as long as it takes, where it must enrol first.
 * @throws {EnrolError}, {IdentityError}, {StateError}, {ControlError} ERR_CONTROL_IN_USE
 */
export async function runConnector(
  settings: ConnectorSettings,
  options: RunOptions,
): Promise<RunningConnector> {
  const { log, env, version, clock = systemClock, hasControl = true, detachedLifeMs } = options
  const state = await stateDirectory(settings, env)
  const enrolment = await enrolSoonerOrLater({ ...settings, state, log }, clock, options)
  const { apps, edge, proxy, requiresPostQuantum } = settings
  const connector = new Connector({
    enrolment,
    apps,
    edge,
    proxy,
    requiresPostQuantum,
    detachedLifeMs,
    version,
    log,
    clock,
    ...doubles(options),
  })
  const status = async () => connector.status
  const socket = controlPath('connector', state, env)
  const control = hasControl
    ? await serveControl({ path: socket, verbs: { status }, log })
    : undefined
  const health = settings.health && (await listen(connector, settings.health))
  const watch = options.file ? follow(connector, settings, options.file, clock, log) : undefined
  await connector.start()
  return {
    get status() {
      return connector.status
    },
    get isReady() {
      return connector.isReady
    },
    revoked: connector.revoked,
    healthPort: health?.port,
    replace: (next) => connector.replace(next),
    reload: () => watch?.look(),
    async close(drainMs) {
      watch?.stop()
      const cut = await connector.close(drainMs)
      await Promise.all([control?.close(), health?.close()])
      return cut
    },
  }
}

/** Where a connector keeps its key: `state:`, else `connector` in the first state root. */
export async function stateDirectory(
  { state }: Pick<ConnectorSettings, 'state'>,
  env: Environment,
): Promise<string> {
  if (state !== undefined) return state
  return path.dirname(await placeState('connector/enrolment.json', stateRoots(env)))
}

function doubles({ network, random }: RunOptions) {
  return { ...(network ? { network } : {}), ...(random ? { random } : {}) }
}

/** An edge that is not up yet is no reason to give up; a token that it refuses is. */
async function enrolSoonerOrLater(
  options: EnrolOptions,
  clock: TunnelClock,
  { signal, random = Math.random }: RunOptions,
): Promise<Enrolment> {
  for (let failures = 1; ; failures++) {
    try {
      return await enrol(options)
    } catch (error) {
      const { code, message, why } = error as Error & { code?: string; why?: string }
      if (code !== 'ERR_EDGE_UNREACHABLE' || signal?.aborted) throw error
      options.log.warn({ event: 'edge-away', code, failures, why }, `cannot enrol yet: ${message}`)
    }
    const delayMs = retryDelayMs({ failures, anotherLives: false, flowsWait: false }, random())
    await new Promise<void>((resolve) => clock.after(delayMs, resolve))
  }
}

async function listen(connector: Connector, where: { host: string; port: number }) {
  const { metricsOf } = await import('./metrics.ts')
  return serveHealth({
    ...where,
    ready: () => (connector.isReady ? { ok: true } : { ok: false, why: 'no tunnel to an edge' }),
    metrics: metricsOf(() => connector.status),
  })
}

function follow(
  connector: Connector,
  before: ConnectorSettings,
  file: string,
  clock: TunnelClock,
  log: Log,
) {
  return watchSettings({
    file,
    clock,
    changed(settings) {
      connector.settingsProblem = needsRestart(before, settings)
      connector.replace(settings.apps)
      const facts = { event: 'settings', apps: settings.apps.length }
      log.info(facts, `the settings in ${file} are in force`)
      if (connector.settingsProblem) log.warn(facts, connector.settingsProblem)
    },
    refused(why) {
      connector.settingsProblem = why
      log.error(
        { event: 'settings-refused', why },
        `${file} is refused; the settings before it stay`,
      )
    },
  })
}

function needsRestart(before: ConnectorSettings, after: ConnectorSettings): string | undefined {
  const rest = ({ apps: _, tokenFile: __, ...others }: ConnectorSettings) => JSON.stringify(others)
  if (rest(before) === rest(after)) return undefined
  return 'all but apps takes a restart: edge, state, proxy, tls and health are as they were'
}
