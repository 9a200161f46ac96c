import { randomInt } from 'node:crypto'
import path from 'node:path'
import type { WellKnown } from '../identity/wire.ts'
import { serveControl } from '../process/control.ts'
import { type HealthServer, serveHealth } from '../process/health.ts'
import type { Log } from '../process/log.ts'
import { acceptLinks, systemClock } from '../tunnel/link.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { adminVerbs } from './control.ts'
import { Certificate, hostsOf } from './door/certificate.ts'
import { type Door, openDoor } from './door/listen.ts'
import { webApp } from './door/web.ts'
import { Drain } from './drain.ts'
import { makeConnectorToken } from './enrol/join-tokens.ts'
import { type Levels, Metrics } from './metrics.ts'
import { PolicyFile } from './policy-file.ts'
import { Roster } from './roster.ts'
import type { IssuerSettings } from './sessions/issuers.ts'
import { loadSigningKeys } from './sessions/signing-keys.ts'
import { type EdgeSettings, urlOf } from './settings.ts'
import { type EdgeState, openState } from './state.ts'
import { readinessOf, type StatusParts, statusOf } from './status.ts'
import { Switchboard } from './switchboard.ts'

export interface EdgeDeps {
  readonly log: Log
  /** Real time when left out. */
  readonly clock?: TunnelClock
  readonly version?: string
  /** Lets the demo's people in, and marks the store for good. */
  readonly demo?: { readonly issuer: IssuerSettings }
}

/** A running edge. */
export interface Edge {
  /** `https://…`: what clients, connectors and join tokens are told. */
  readonly url: string
  readonly name: string
  readonly deployment: string
  readonly caPem: string
  readonly controlPath: string
  readonly healthUrl: string | undefined
  /** Reads the policy file now. */
  reload(): Promise<void>
  /** Lets peers take their flows elsewhere, for so long at most. */
  drain(deadlineMs: number): void
  /** Resolves when a drain is done, whoever asked for it: the process should close the edge and end. */
  readonly drained: Promise<void>
  /** Closes every tunnel and keeps the last records. */
  close(): Promise<void>
}

/**
 * Starts an edge: resolves when it serves.
 * @throws {EdgeError} ERR_DEMO_STORE; {StoreError}, {StateError}, {ControlError} ERR_CONTROL_IN_USE
 */
export async function startEdge(settings: EdgeSettings, deps: EdgeDeps): Promise<Edge> {
  const { log, clock = systemClock, version = '0.1.0', demo } = deps
  const now = () => clock.now()
  // What was opened is closed in the opposite order, also when a later step fails.
  await using opened = new AsyncDisposableStack()
  const keep = <Part extends { close(): unknown }>(part: Part): Part =>
    opened.adopt(part, async () => void (await part.close()))

  const issuers = demo ? [demo.issuer] : []
  const state = keep(await openState({ settings, issuers, isDemo: demo !== undefined, now }))
  const certificate = await Certificate.open({ settings, now, log })
  const door = keep(await listen(settings, certificate, log))
  const url = urlOf(settings, door.port)

  const startedAt = now()
  const { name, tlsEndsBeforeEdge } = settings
  const { store, sessions } = state
  const roster = keep(await Roster.open({ store, name, url, startedAt, now, log }))
  let board: Switchboard | undefined
  const counts = new Metrics(
    levelsOf(
      state,
      () => board,
      () => policy,
    ),
  )
  const changed = () => {
    counts.policyChanged()
    board?.policyChanged()
  }
  const policy: PolicyFile = keep(await openPolicy(settings, now, log, changed))
  const { deployment } = state
  board = keep(
    new Switchboard({
      ...{ ...state, settings, roster, counts, clock, random, log },
      handshake: { deployment, edgeName: name, version, tlsEndsBeforeEdge },
      enter: door.enter,
      policy: () => policy.policy,
    }),
  )
  await board.start()

  const wellKnown = await wellKnownOf(settings, state, certificate)
  door.answer(webApp({ hosts: hostsOf(settings), wellKnown, sessions, store, now, log }))
  const { server } = door
  const take = board.take.bind(board)
  keep(acceptLinks({ server }, (link) => void take(link)))

  const drain = drainOf(board, roster, counts, clock, log)
  const served = { settings, url, version, startedAt, state, policy, board, roster, drain, now }
  const health = await openHealth(served, counts)
  if (health) keep(health)
  keep(await openControl({ ...served, healthUrl: health && urlOfHealth(health) }, certificate, log))
  keep(tick(board, roster, certificate, door, now))
  log.info({ event: 'edge-ready', url, edge: name, deployment, version }, `serving at ${url}`)

  const closing = opened.move()
  let closed: Promise<void> | undefined
  return {
    ...{ url, name, deployment, caPem: certificate.caPem, controlPath: settings.controlPath },
    healthUrl: health && urlOfHealth(health),
    reload: async () => void (await policy.reload()),
    drain: (deadlineMs) => drain.begin(deadlineMs),
    drained: drain.done,
    close: () => {
      closed ??= closing.disposeAsync()
      return closed
    },
  }
}

const urlOfHealth = ({ host, port }: HealthServer) =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`

const random = () => randomInt(2 ** 32) / 2 ** 32

function listen(settings: EdgeSettings, { tls }: Certificate, log: Log): Promise<Door> {
  const { listen: at, limits, requirePostQuantum } = settings
  const { connections, unproven, unprovenPerAddress } = limits
  const bounds = { connections, unproven, unprovenPerAddress }
  return openDoor({ listen: at, tls, requirePostQuantum, ...bounds, log })
}

function drainOf(
  board: Switchboard,
  roster: Roster,
  { totals }: Metrics,
  clock: TunnelClock,
  log: Log,
): Drain {
  return new Drain({
    shut: (spreadMs) => board.drain(spreadMs),
    liveFlows: () => board.gate.liveCount,
    tunnels: () => board.tunnels.size,
    totals: () => ({ ...totals }),
    ...{ roster, clock, log },
  })
}

function levelsOf(
  { sessions }: EdgeState,
  board: () => Switchboard | undefined,
  policy: () => PolicyFile,
): Levels {
  return {
    liveFlows: () => board()?.gate.liveCount ?? 0,
    tunnels: () => board()?.tunnels.counts() ?? { client: 0, connector: 0 },
    sessions: () => sessions.list().length,
    lostRecords: () => board()?.flows.lost ?? 0,
    isPolicyCurrent: () => policy().status.problems.length === 0,
  }
}

function openPolicy(
  { policyFile: file, stateDirectory }: EdgeSettings,
  now: () => number,
  log: Log,
  changed: () => void,
): Promise<PolicyFile> {
  const lastGoodFile = path.join(stateDirectory, 'policy.last-good.yaml')
  return PolicyFile.open({ file, lastGoodFile, now, log, changed })
}

async function wellKnownOf(
  { name: edgeName, stateDirectory }: EdgeSettings,
  { deployment }: EdgeState,
  { caPem, caPin }: Certificate,
): Promise<() => WellKnown> {
  const { publicJwks } = await loadSigningKeys(stateDirectory)
  const signingKeys = { keys: publicJwks }
  return () => ({ schema: 1, deployment, edgeName, caPem, caPin, signingKeys })
}

function openControl(parts: StatusParts, { caPin }: Certificate, log: Log) {
  const { settings, url, state, policy, board, drain, now } = parts
  const { store, sessions, connectors } = state
  const { flows, registry, tunnels } = board
  const verbs = adminVerbs({
    ...{ flows, policy, registry, connectors, sessions, drain },
    status: () => statusOf(parts),
    makeJoinToken: (grant) => makeConnectorToken(grant, { store, edgeUrl: url, caPin, now }),
    tunnelsOf: (sessionId) => tunnels.of(sessionId).length,
  })
  return serveControl({ path: settings.controlPath, verbs, log })
}

async function openHealth(parts: StatusParts, metrics: Metrics): Promise<HealthServer | undefined> {
  const { health } = parts.settings
  if (!health) return undefined
  return serveHealth({
    ...health,
    ready: () => readinessOf(parts),
    metrics: () => metrics.text(),
  })
}

/** What has to be looked at all the time. */
function tick(
  board: Switchboard,
  roster: Roster,
  certificate: Certificate,
  door: Door,
  now: () => number,
) {
  const seconds = setInterval(() => {
    board.tick(now())
    roster.tick()
  }, 1000)
  const hours = setInterval(() => void certificate.renew(door.renew), 3_600_000)
  return {
    close: () => {
      clearInterval(seconds)
      clearInterval(hours)
    },
  }
}
