import type { SessionDocument } from '../../identity/profile.ts'
import type { Hostname } from '../../names/hostname.ts'
import type { Ownership } from '../../resolver/catalog.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'
import type { Catalog, ControlMessage, Notice } from '../../tunnel/control.ts'
import { edgesOf } from '../../tunnel/edges.ts'
import type { FlowEnd } from '../../tunnel/flow.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import type { Flow, FlowHandlers, FlowTarget } from '../flow.ts'
import type { Profile } from '../profile.ts'
import { SessionOver } from '../session.ts'
import { Arrivals } from './arrivals.ts'
import { EdgeUnreachable, type TunnelStatus, type Way, type WayStatus } from './face.ts'
import { FlowIds } from './flow-ids.ts'
import { Keeper, type KeeperDeps } from './keeper.ts'
import { KnownNames } from './known-names.ts'
import { type OpenOn, PatientFlow, type PatientHost } from './patient-flow.ts'
import { failed, Questions } from './questions.ts'
import type { Standing } from './standing.ts'
import type { Verdict } from './verdict.ts'
import { Waiting } from './waiting.ts'

export interface WayDeps extends KeeperDeps {
  readonly patienceMs: number
}

/** What the disk knew at the start. */
export interface WayStart {
  readonly profile: Profile
  readonly session: SessionDocument
  readonly kept: Catalog | undefined
  readonly keptEdges: readonly string[]
}

/** dig and glibc give a resolver 5 s. */
const QUESTION_PATIENCE_MS = 3_000
/** After a tunnel was lost, the connectors may be as long on their way back to the edge as we were. */
const SETTLING_MS = 10_000
/** Between two times that one OPEN is asked. */
const AGAIN_MS = 250

type Over = Verdict & { readonly kind: 'over' }

/** The Way: what keeper.ts keeps up, as on-ramps see it. */
export class ClientWay implements Way, PatientHost {
  readonly #deps: WayDeps
  readonly #ids = new FlowIds()
  readonly #contexts = new Map<FlowTarget['onRamp'], Uint8Array>()
  readonly #profile: Profile
  readonly #keeper: Keeper
  readonly #waiting: Waiting
  readonly #questions: Questions
  readonly #names: KnownNames
  readonly #arrivals: Arrivals
  readonly #running: Promise<void>
  #session: SessionDocument
  #asked: Standing | undefined
  #over: Over | undefined
  /** A tunnel stands after one was lost. */
  #backAt = Number.NEGATIVE_INFINITY
  #hasLost = false
  #reason = 'the first attempt is under way'
  /** Why none of the edges will do, when waiting does not mend it. */
  #cause: Error | undefined
  #since: number

  constructor({ profile, session, kept, keptEdges }: WayStart, deps: WayDeps) {
    const { clock, after, log } = deps
    this.#deps = deps
    this.#profile = profile
    this.#session = session
    this.#since = clock()
    this.#names = new KnownNames(profile, kept, log)
    this.#arrivals = new Arrivals(after)
    this.#questions = new Questions(after)
    this.#waiting = new Waiting({
      clock,
      after,
      due: () => this.#offer(),
      reason: () => `there is no connection to the edge (${this.#reason})`,
    })
    this.#keeper = new Keeper(profile, keptEdges, deps, {
      up: (standing) => this.#up(standing),
      down: (standing) => this.#down(standing),
      changed: () => this.#offer(),
      failed: (verdict) => this.#failed(verdict),
      control: (message) => this.#control(message),
      isAwaited: () => this.#waiting.count + this.#arrivals.count > 0,
    })
    this.#running = this.#keeper.run()
  }

  get person(): Way['person'] {
    return this.#session.person
  }

  get ownership(): Ownership {
    return this.#names.ownership
  }

  get catalog(): Catalog | undefined {
    return this.#names.catalog
  }

  ready(timeoutMs: number): Promise<void> {
    if (this.#over) return Promise.reject(this.#overError(this.#over))
    if (this.catalog) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancel = this.#deps.after(timeoutMs, () => {
      off()
      reject(this.#cause ?? new EdgeUnreachable(this.#profile.edge.url, this.#reason))
    })
    const off = this.onCatalog(() => {
      cancel()
      off()
      if (this.#over) reject(this.#overError(this.#over))
      else resolve()
    })
    return promise
  }

  open(target: FlowTarget, handlers: FlowHandlers): Flow {
    const { name, port, protocol, onRamp } = target
    const context = this.#contexts.get(onRamp) ?? writeContext({ onRamp })
    this.#contexts.set(onRamp, context)
    const request = { flowId: this.#ids.next(), name, port, protocol, context }
    const { clock, patienceMs } = this.#deps
    const flow = new PatientFlow(this, request, handlers, clock() + patienceMs)
    this.#place(flow)
    return flow
  }

  /** An edge that drains or is gone says nothing of the flow; one that is just back, of few things. */
  mayAskAgain(flow: PatientFlow, { code }: FlowEnd): boolean {
    const now = this.#deps.clock()
    if (this.#over || now + AGAIN_MS >= flow.patientUntil) return false
    if (code === 'connector-down') return now - this.#backAt < SETTLING_MS
    return code === 'tunnel-lost' || code === 'shutting-down'
  }

  waitAgain(flow: PatientFlow): void {
    if (flow.tries > 1) this.#waiting.add(flow, AGAIN_MS)
    else this.#place(flow)
  }

  async resolve(name: Hostname, type: string): Promise<Resolved> {
    const standing = this.#keeper.best ?? (await this.#nextTunnel())
    if (!standing) return failed(`there is no connection to the edge (${this.#reason})`)
    this.#asked = standing
    const { endpoint } = standing.tunnel
    return this.#questions.ask(name, type, (message) => endpoint.send(message))
  }

  onCatalog(listener: () => void): () => void {
    return this.#names.onChange(listener)
  }

  status(): WayStatus {
    const { best, all } = this.#keeper
    const { endpoint, ready, edgeUrl } = best?.tunnel ?? {}
    return {
      tunnel: best ? 'open' : this.#over ? 'session-over' : 'connecting',
      since: this.#since,
      edgeUrl: edgeUrl ?? this.#profile.edge.url,
      edgeName: ready?.edgeName,
      keyAgreement: ready?.keyAgreement,
      exporterMatched: ready?.exporterMatched,
      rttMs: endpoint?.rttMs,
      tunnels: all.map(statusOf),
      flows: all.reduce((sum, { flowCount }) => sum + flowCount, 0),
      detached: this.#deps.flows.detachedCount,
      waiting: this.#waiting.count,
      catalogRevision: this.catalog?.revision,
      names: this.ownership.owned().length,
      sessionExpiresAt: this.#session.sessionExpiresAt,
      reason: best ? undefined : this.#reason,
    }
  }

  async close(): Promise<void> {
    this.#keeper.close()
    this.#waiting.refuseAll('shutting-down', 'the client stops')
    this.#questions.failAll('the client stops')
    this.#arrivals.tell(undefined)
    await this.#running
  }

  #place(flow: PatientFlow): void {
    const { best } = this.#keeper
    if (this.#over) flow.refuse(this.#over.code, this.#over.reason)
    else if (best) flow.attach(openOn(best))
    else {
      this.#waiting.add(flow)
      this.#keeper.hurry()
    }
  }

  #offer(): void {
    const { best } = this.#keeper
    if (best) for (const flow of this.#waiting.takeDue()) flow.attach(openOn(best))
  }

  /** A program's first question often comes before the tunnel: it waits, but less than a stub resolver. */
  #nextTunnel(): Promise<Standing | undefined> {
    if (this.#over) return Promise.resolve(undefined)
    this.#keeper.hurry()
    return this.#arrivals.wait(QUESTION_PATIENCE_MS)
  }

  #up(standing: Standing): void {
    const { ready, edgeUrl } = standing.tunnel
    const now = this.#deps.clock()
    this.#session = standing.session
    this.#over = undefined
    if (this.#keeper.all.length === 1) this.#since = now
    if (this.#hasLost) this.#backAt = now
    const facts = { event: 'tunnel-open', edgeUrl, edge: ready.edgeName }
    this.#deps.log.info({ ...facts, keyAgreement: ready.keyAgreement }, 'tunnel open')
    this.#offer()
    this.#arrivals.tell(standing)
  }

  #down(standing: Standing): void {
    this.#hasLost = true
    if (!this.#keeper.best) this.#since = this.#deps.clock()
    if (this.#asked === standing) this.#questions.failAll('the connection to the edge was lost')
  }

  #failed(verdict: Verdict): void {
    const isNews = verdict.reason !== this.#reason
    this.#reason = verdict.reason
    this.#cause = verdict.kind === 'retry' ? verdict.cause : undefined
    const facts = { event: 'tunnel-down', verdict: verdict.kind, reason: verdict.reason }
    const what = this.#keeper.best ? 'a tunnel ended, or did not come' : 'no tunnel'
    if (isNews) this.#deps.log.warn(facts, `${what}: ${verdict.reason}`)
    if (verdict.kind === 'over') this.#end(verdict)
  }

  #end(over: Over): void {
    if (this.#over) return
    this.#over = over
    this.#since = this.#deps.clock()
    this.#waiting.refuseAll(over.code, over.reason)
    this.#arrivals.tell(undefined)
    this.#names.suspend(over.reason)
  }

  #control(message: ControlMessage): void {
    const { log } = this.#deps
    switch (message.kind) {
      case 'catalog':
        this.#names.take(message, this.#session.person.subject)
        break
      case 'resolved':
        this.#questions.answer(message)
        break
      case 'cut':
        log.info({ event: 'flow-cut', ...message }, `a flow was cut: ${message.reason}`)
        break
      case 'notice':
        this.#notice(message)
        break
      case 'signin':
        log.warn({ event: 'signin', ...message }, 'the edge wants a sign-in')
        break
      default:
        log.debug({ event: 'unexpected', kind: message.kind }, 'not for a client')
    }
  }

  #notice(notice: Notice): void {
    const edges = edgesOf(notice)
    if (edges) this.#keeper.edgesListed(edges)
    else this.#deps.log.warn({ event: 'notice', ...notice }, 'the edge says something')
  }

  #overError(over: Over): SessionOver {
    return new SessionOver(this.#profile.name, over.reason)
  }
}

function openOn({ tunnel }: Standing): OpenOn {
  return (request, handlers) => tunnel.endpoint.open(request, handlers)
}

function statusOf(standing: Standing): TunnelStatus {
  const { tunnel, since, moveAt, doubtedAt, flowCount } = standing
  const { edgeName, keyAgreement, exporterMatched } = tunnel.ready
  const state = doubtedAt !== undefined ? 'in-doubt' : moveAt !== undefined ? 'draining' : 'open'
  const { edgeUrl, endpoint } = tunnel
  const facts = { edgeUrl, edgeName, state, since, keyAgreement, exporterMatched } as const
  return { ...facts, rttMs: endpoint.rttMs, flows: flowCount }
}
