import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { findHostname } from '../names/hostname.ts'
import type { Log } from '../process/log.ts'
import { lookupRecords } from '../resolver/dns/lookup.ts'
import { readResolvConf } from '../resolver/dns/system.ts'
import type { ControlMessage, Notice } from '../tunnel/control.ts'
import { edgesOf } from '../tunnel/edges.ts'
import { type Endpoint, FlowTable, type IncomingOpen, WindowBudget } from '../tunnel/endpoint.ts'
import { readConnectorContext } from '../tunnel/messages/open-context.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { announcementOf, Notices, type OriginHealth, ungranted } from './announce.ts'
import { type App, Apps } from './app.ts'
import { openTunnel } from './attempt.ts'
import { Dialler } from './dial.ts'
import { Door } from './door.ts'
import type { Enrolment } from './enrol/store.ts'
import { OriginChecks } from './health.ts'
import { type Network, systemNetwork } from './network.ts'
import { Questions } from './questions.ts'
import { Resolver } from './resolve.ts'
import { appStatus, type ConnectorStatus } from './status.ts'
import { Stay } from './stay.ts'

export interface ConnectorParts {
  readonly enrolment: Enrolment
  readonly apps: readonly App[]
  /** Overrules the edge address of the enrolment. */
  readonly edge: string | undefined
  readonly proxy: string | undefined
  readonly requiresPostQuantum: boolean
  readonly detachedLifeMs?: number | undefined
  readonly version: string
  readonly log: Log
  readonly clock: TunnelClock
  readonly network?: Network
  readonly random?: () => number
}

/** How long the first announcement waits for the origins to answer. */
const FIRST_CHECK_MS = 2000
const DRAIN_MS = 10_000

/** One connector process: what is wired to what. */
export class Connector {
  readonly #parts: ConnectorParts
  readonly #instance: string
  readonly #startedAt: number
  readonly #dialler: Dialler
  readonly #door: Door
  readonly #flows: FlowTable
  readonly #checks: OriginChecks
  readonly #questions: Questions
  readonly #stay: Stay
  readonly #notices = new Notices()
  readonly #revoked = Promise.withResolvers<string>()
  /** Why the settings file as it is now is not in force; whoever watches it says so here. */
  settingsProblem: string | undefined

  constructor(parts: ConnectorParts) {
    const { enrolment, log, clock, network = systemNetwork, random = Math.random } = parts
    this.#parts = parts
    this.#instance = `${enrolment.connectorId}.${randomBytes(8).toString('hex')}`
    this.#startedAt = clock.now()
    this.#dialler = new Dialler({ network, clock })
    // A flow goes back to the session that opened it, whatever else the edge says of a RESUME.
    const partyOf = (context: Uint8Array) => readConnectorContext(context).session
    this.#flows = new FlowTable({ clock, random, partyOf, lifeMs: parts.detachedLifeMs })
    this.#door = new Door(new Apps(parts.apps), {
      dialler: this.#dialler,
      instance: this.#instance,
      log,
    })
    this.#checks = new OriginChecks({
      dialler: this.#dialler,
      clock,
      random,
      changed: (app, health, reason) => this.#healthChanged(app, health, reason),
    })
    this.#questions = new Questions({
      apps: () => this.#door.apps,
      resolver: new Resolver(network, clock),
      lookup: async (name, type) => lookupRecords(name, type, await systemServers()),
    })
    this.#stay = this.#makeStay(random)
  }

  /** Looks at the origins, then dials the edge; both go on from then. */
  async start(): Promise<void> {
    this.#warnUngranted()
    await this.#firstLook()
    this.#stay.start()
  }

  /** Resolves with the edge's reason when it has revoked this connector. */
  get revoked(): Promise<string> {
    return this.#revoked.promise
  }

  get isReady(): boolean {
    return this.#stay.isReady
  }

  /** Publishes these apps instead. */
  replace(apps: readonly App[]): void {
    this.#door.replace(new Apps(apps))
    this.#notices.clear()
    this.#warnUngranted()
    void this.#checks.watch(apps)
    this.#announce()
  }

  /** @returns how many flows were cut when the time to drain was over */
  close(drainMs = DRAIN_MS): Promise<number> {
    this.#checks.close()
    return this.#stay.close(drainMs)
  }

  get status(): ConnectorStatus {
    const { enrolment, version } = this.#parts
    const { connectorId, name, deployment, grants } = enrolment
    const { activeCount: active, waitingCount: waiting } = this.#dialler
    const apps = this.#door.apps.all
    const refused = new Set(ungranted(apps, grants))
    return {
      schema: 1,
      ...{ name, connectorId, deployment, version },
      instance: this.#instance,
      pid: process.pid,
      startedAt: this.#startedAt,
      tunnels: this.#stay.status,
      apps: apps.map((app) => appStatus(app, this.#checks.healthOf(app), !refused.has(app))),
      flows: this.#door.flowCount,
      detached: this.#flows.detachedCount,
      dials: { active, waiting },
      notices: this.#notices.all,
      settingsProblem: this.settingsProblem,
    }
  }

  #makeStay(random: () => number): Stay {
    const { enrolment, edge, proxy, requiresPostQuantum, version, log, clock } = this.#parts
    const shared = { flows: this.#flows, budget: new WindowBudget() }
    const handlers = {
      incoming: (open: IncomingOpen) => this.#take(open),
      control: (message: ControlMessage, tunnel: Pick<Endpoint, 'send'>) =>
        this.#control(message, tunnel),
    }
    const who = { enrolment, instance: this.#instance, version }
    const attempt = { ...who, proxy, requiresPostQuantum, clock, ...shared, handlers }
    return new Stay({
      edge: edge ?? enrolment.edgeUrl,
      isPinned: edge !== undefined,
      open: (url, bounds) => openTunnel(url, attempt, bounds),
      flows: this.#flows,
      ...{ clock, random, log },
      ready: ({ endpoint }) => endpoint.send(this.#announcement()),
      revoked: (reason) => this.#revoked.resolve(reason),
    })
  }

  #take(open: IncomingOpen): void {
    this.#door.take(open).catch((error) => {
      this.#parts.log.error({ event: 'flow-failed', err: error }, 'a flow could not be taken')
    })
  }

  #control(message: ControlMessage, tunnel: Pick<Endpoint, 'send'>): void {
    switch (message.kind) {
      case 'resolve':
        void this.#questions.answer(message).then((answer) => tunnel.send(answer))
        break
      case 'notice':
        this.#notice(message)
        break
      case 'probe':
        this.#probe(message.name, message.port)
        break
      default:
        this.#parts.log.debug({ event: 'odd-message', kind: message.kind }, 'not for a connector')
    }
  }

  #notice(notice: Notice): void {
    const edges = edgesOf(notice)
    if (edges) {
      this.#stay.edgesListed(edges)
      return
    }
    if (!this.#notices.keep(notice, this.#parts.clock.now())) return
    const { code, text, facts } = notice
    const level = notice.level === 'warning' ? 'warn' : notice.level
    this.#parts.log[level]({ event: 'notice', code, facts }, `the edge says: ${text}`)
  }

  #probe(text: string, port: number): void {
    const name = findHostname(text)
    const app = name && this.#door.apps.find(name, port)
    if (app?.health === 'tcp') void this.#checks.probe(app)
  }

  #announcement() {
    return announcementOf(this.#door.apps.all, (app) => this.#checks.healthOf(app))
  }

  #announce(): void {
    for (const { endpoint } of this.#stay.tunnels) endpoint.send(this.#announcement())
  }

  async #firstLook(): Promise<void> {
    const looked = this.#checks.watch(this.#door.apps.all)
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const stop = this.#parts.clock.after(FIRST_CHECK_MS, resolve)
    await Promise.race([looked, late])
    stop()
  }

  #healthChanged(app: App, health: OriginHealth, reason: string): void {
    const { host } = appStatus(app, health, true)
    const level = health === 'failing' ? 'warn' : 'info'
    this.#parts.log[level]({ event: 'origin-health', host, health, reason }, `${host} is ${health}`)
    this.#announce()
  }

  #warnUngranted(): void {
    const { enrolment, log } = this.#parts
    for (const app of ungranted(this.#door.apps.all, enrolment.grants)) {
      const { host } = appStatus(app, 'unknown', false)
      const facts = { event: 'ungranted', host, grants: enrolment.grants }
      log.warn(
        facts,
        `${host} is outside what this connector may publish: the edge will not take it`,
      )
    }
  }
}

async function systemServers() {
  return readResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''))
}
