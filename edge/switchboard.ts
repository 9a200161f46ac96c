import type { Policy } from '../policy/compile.ts'
import type { Log } from '../process/log.ts'
import type { Link } from '../tunnel/link.ts'
import { controlCodec } from '../tunnel/messages/control.ts'
import type { AcceptHandshake } from '../tunnel/messages/handshake.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { Relay, type RelayTunnel } from '../tunnel/relay.ts'
import { Catalogues } from './catalog.ts'
import { Accept } from './door/accept.ts'
import { authenticate } from './door/authenticate.ts'
import type { ConnectorRecord, Connectors } from './enrol/connector.ts'
import { FlowLog } from './flows/log.ts'
import type { Whereabouts } from './flows/row.ts'
import { judgeOf } from './gate/judge.ts'
import { Gate } from './gate.ts'
import type { Counts } from './metrics.ts'
import { People } from './people.ts'
import { Questions } from './questions.ts'
import { OfferMemory } from './registry/memory.ts'
import { Registry } from './registry.ts'
import { EdgeNews } from './roster/news.ts'
import type { Roster } from './roster.ts'
import type { Books } from './route/carried.ts'
import { Resumes } from './route/resumes.ts'
import { Route } from './route.ts'
import type { Session, SessionEnd, Sessions } from './sessions/session.ts'
import type { EdgeSettings } from './settings.ts'
import type { Store } from './store/store.ts'
import { Tunnels } from './tunnels/tunnels.ts'

export interface SwitchboardParts {
  readonly settings: Pick<EdgeSettings, 'name' | 'zones' | 'limits'>
  readonly handshake: Omit<AcceptHandshake, 'authenticate' | 'edges'>
  readonly roster: Pick<Roster, 'urls' | 'isAlive'>
  readonly enter: (address: string) => (() => void) | undefined
  readonly policy: () => Policy
  readonly store: Store
  readonly sessions: Sessions
  readonly connectors: Connectors
  readonly counts: Counts
  readonly clock: TunnelClock
  readonly random: () => number
  readonly log: Log
}

/** Names of connectors change in bursts: flows are judged again once after this pause. */
const QUIET_MS = 50

/** What is wired to what between the door and the relay, and who hears of which change. */
export class Switchboard {
  readonly registry: Registry<RelayTunnel>
  readonly gate: Gate
  readonly flows: FlowLog
  readonly tunnels: Tunnels
  readonly #parts: SwitchboardParts
  readonly #people: People
  readonly #catalogues: Catalogues
  readonly #news: EdgeNews
  readonly #memory: OfferMemory
  readonly #accept: Accept
  readonly #resumes: Resumes
  readonly #stops: (() => void)[] = []
  #isJudgingSoon = false
  #isDraining = false

  constructor(parts: SwitchboardParts) {
    this.#parts = parts
    const { settings, sessions, connectors, roster, clock, random, log, store, counts } = parts
    const { limits, zones, name: edge } = settings
    this.registry = new Registry({ zones, random, changed: () => this.#namesChanged() })
    this.tunnels = new Tunnels(limits.tunnelsPerPeer)
    const { registry, tunnels } = this
    const judge = judgeOf(parts.policy, registry)
    const people = new People(sessions)
    this.#people = people
    const standing = (id: string) => people.standing(id)
    const storeAgeMs = () => clock.now() - store.lastReadAt()
    this.gate = new Gate({ judge, names: registry, standing, storeAgeMs, clock, limits })
    const { gate } = this
    this.#memory = new OfferMemory(store, log)
    const isHeld: Whereabouts['isHeld'] = (at) =>
      at.edge === edge ? gate.findLive(at.flowId) !== undefined : roster.isAlive(at.edge, at.time)
    this.flows = new FlowLog({ store, clock, log, isHeld })
    const { flows } = this
    const books: Books = {
      ...{ gate, flows, counts, clock, edge },
      keyAgreements: (client, connector) => tunnels.agreementsOf(client, connector),
      cutsTold: new WeakMap(),
    }
    const route = new Route({ registry, books })
    const resumes = new Resumes({ gate, route, registry, books, counts, clock })
    this.#resumes = resumes
    const source = {
      zones: () => registry.zones(),
      publications: () => registry.publications(),
      isHiddenFrom: judge.isHiddenFrom,
    }
    this.#catalogues = new Catalogues({ source, clock })
    this.#news = new EdgeNews({
      urls: () => roster.urls(),
      tell: (notice) => tunnels.sendAll(notice),
    })
    const relay = new Relay({ clock, codec: controlCodec })
    this.#accept = new Accept({
      handshake: parts.handshake,
      authenticate: (auth) => authenticate(auth, { sessions, connectors }),
      enter: parts.enter,
      questions: new Questions({
        gate,
        clock,
        pickForQuestion: (name) => registry.pickForQuestion(name),
      }),
      catalogues: this.#catalogues,
      remember: (connectorId) => this.#remember(connectorId),
      edges: () => roster.urls(),
      isDraining: () => this.#isDraining,
      ...{ relay, gate, people, tunnels, registry, sessions, route, resumes, books },
      ...{ counts, clock, log },
    })
  }

  /** Flows that wait here for their connector to come back. */
  get heldCount(): number {
    return this.#resumes.heldCount
  }

  /** Learns who is enrolled and what they offered before; follows both from then on. */
  async start(): Promise<void> {
    const { connectors, sessions } = this.#parts
    this.registry.enrol(connectors.list().filter(isLive))
    await this.#memory.follow((connectorId, apps) => this.registry.recall(connectorId, apps))
    this.#stops.push(
      connectors.onChanged((record) => void this.#connectorChanged(record)),
      sessions.onEnded((session, why) => void this.#sessionEnded(session, why)),
      sessions.onChanged((session) => this.#sessionChanged(session)),
    )
  }

  take(link: Link): Promise<void> {
    return this.#accept.take(link)
  }

  policyChanged(): void {
    void this.gate.judgeAll()
    this.#catalogues.changed()
  }

  /** About every second. */
  tick(now: number): void {
    this.tunnels.tick(now)
    this.gate.tick()
    this.#resumes.tick(now)
    this.#news.look()
    this.#endExpired()
  }

  /** Takes no more tunnels and flows; peers are asked to take theirs elsewhere within `spreadMs`. */
  drain(spreadMs: number): void {
    this.#isDraining = true
    this.tunnels.goAwayAll('the edge is shutting down', spreadMs)
    this.#resumes.drain()
  }

  /** Closes every tunnel; resolves when the last record is kept. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    this.tunnels.closeAll('shutting-down', 'the edge is shutting down')
    await this.flows.flush()
    await this.#memory.close()
  }

  #namesChanged(): void {
    this.#catalogues.changed()
    if (this.#isJudgingSoon) return
    this.#isJudgingSoon = true
    this.#parts.clock.after(QUIET_MS, () => {
      this.#isJudgingSoon = false
      void this.gate.judgeAll()
    })
  }

  /** Its flows are cut with the reason before its tunnels are closed. */
  async #connectorChanged(record: ConnectorRecord): Promise<void> {
    const orphans = this.registry.enrol(this.#parts.connectors.list().filter(isLive))
    if (!isLive(record)) this.#memory.forget(record.id)
    if (orphans.length === 0) return
    await this.gate.judgeAll()
    for (const tunnel of orphans) tunnel.close('connector-revoked', 'this connector is revoked')
  }

  /**
   * The store tells of a session whose time is up when it has taken it away; one that cannot be written
   * (a full disk, a lock that is held) never does.
   */
  #endExpired(): void {
    for (const id of this.tunnels.peersOf('client')) {
      const isOver = this.#parts.sessions.find(id) === undefined
      if (isOver) void this.#sessionEnded({ id }, 'session-expired')
    }
  }

  async #sessionEnded({ id }: Pick<Session, 'id'>, why: SessionEnd): Promise<void> {
    this.#people.ended(id, why)
    await this.gate.judgeSession(id)
    const reason = why === 'session-expired' ? 'the session has expired' : 'the session was ended'
    for (const tunnel of this.tunnels.of(id)) tunnel.close(why, reason)
  }

  #sessionChanged({ id }: Session): void {
    void this.gate.judgeSession(id)
    this.#catalogues.changed()
  }

  #remember(connectorId: string): void {
    const seat = this.registry.seats().find(({ connector }) => connector.id === connectorId)
    if (seat) this.#memory.keep(connectorId, seat.offers)
  }
}

const isLive = ({ revokedAt }: ConnectorRecord) => revokedAt === undefined
