import { randomBytes } from 'node:crypto'
import type { SessionDocument } from '../../identity/profile.ts'
import type { Hostname } from '../../names/hostname.ts'
import { Ownership } from '../../resolver/catalog.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'
import type { Catalog, ControlMessage } from '../../tunnel/control.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import type { Flow, FlowHandlers, FlowTarget } from '../flow.ts'
import type { Profile } from '../profile.ts'
import { SessionOver } from '../session.ts'
import { EdgeUnreachable, type Way, type WayStatus } from './face.ts'
import { Keeper, type KeeperDeps } from './keeper.ts'
import { keepCatalog } from './kept-catalog.ts'
import { type OpenOn, PatientFlow } from './patient-flow.ts'
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
}

/** dig and glibc give a resolver 5 s. */
const QUESTION_PATIENCE_MS = 3_000

type Over = Verdict & { readonly kind: 'over' }

/** The Way: what keeper.ts keeps up, as on-ramps see it. */
export class ClientWay implements Way {
  readonly ownership: Ownership
  readonly #deps: WayDeps
  readonly #profile: Profile
  readonly #keeper: Keeper
  readonly #waiting: Waiting
  readonly #questions: Questions
  readonly #listeners = new Set<() => void>()
  readonly #running: Promise<void>
  /** Questions that wait for a tunnel. */
  #asking = 0
  #session: SessionDocument
  #catalog: Catalog | undefined
  #standing: Standing | undefined
  #arrival: PromiseWithResolvers<Standing | undefined> | undefined
  #over: Over | undefined
  #reason = 'the first attempt is under way'
  #since: number

  constructor({ profile, session, kept }: WayStart, deps: WayDeps) {
    this.#deps = deps
    this.#profile = profile
    this.#session = session
    this.#catalog = kept
    this.#since = deps.clock()
    this.ownership = new Ownership(kept ? { kept } : {})
    this.#questions = new Questions(deps.after)
    this.#waiting = new Waiting({
      patienceMs: deps.patienceMs,
      after: deps.after,
      reason: () => `there is no connection to the edge (${this.#reason})`,
    })
    this.#keeper = new Keeper(profile, deps, {
      up: (standing) => this.#up(standing),
      down: (standing) => this.#down(standing),
      failed: (verdict) => this.#failed(verdict),
      control: (message) => this.#control(message),
      isAwaited: () => this.#waiting.count > 0 || this.#asking > 0,
    })
    this.#running = this.#keeper.run()
  }

  get person(): Way['person'] {
    return this.#session.person
  }

  get catalog(): Catalog | undefined {
    return this.#catalog
  }

  ready(timeoutMs: number): Promise<void> {
    if (this.#over) return Promise.reject(this.#overError(this.#over))
    if (this.#catalog) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancel = this.#deps.after(timeoutMs, () => {
      off()
      reject(new EdgeUnreachable(this.#profile.edge.url, this.#reason))
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
    const flowId = randomBytes(16).toString('hex')
    const request = { flowId, name, port, protocol, context: writeContext({ onRamp }) }
    const flow = new PatientFlow(request, handlers, (again) => this.#place(again))
    this.#place(flow)
    return flow
  }

  async resolve(name: Hostname, type: string): Promise<Resolved> {
    const standing = this.#standing ?? (await this.#untilUp())
    if (!standing) return failed(`there is no connection to the edge (${this.#reason})`)
    const { endpoint } = standing.tunnel
    return this.#questions.ask(name, type, (message) => endpoint.send(message))
  }

  onCatalog(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  status(): WayStatus {
    const { endpoint, ready, edgeUrl } = this.#standing?.tunnel ?? {}
    const isOpen = endpoint?.isOpen ?? false
    return {
      tunnel: isOpen ? 'open' : this.#over ? 'session-over' : 'connecting',
      since: this.#since,
      edgeUrl: edgeUrl ?? this.#profile.edge.url,
      edgeName: ready?.edgeName,
      keyAgreement: ready?.keyAgreement,
      exporterMatched: ready?.exporterMatched,
      rttMs: endpoint?.rttMs,
      flows: endpoint?.flowCount ?? 0,
      waiting: this.#waiting.count,
      catalogRevision: this.#catalog?.revision,
      names: this.ownership.owned().length,
      sessionExpiresAt: this.#session.sessionExpiresAt,
      reason: isOpen ? undefined : this.#reason,
    }
  }

  async close(): Promise<void> {
    this.#keeper.close()
    this.#waiting.refuseAll('shutting-down', 'the client stops')
    this.#questions.failAll('the client stops')
    this.#arrive(undefined)
    await this.#running
  }

  #place(flow: PatientFlow): void {
    if (this.#over) flow.refuse(this.#over.code, this.#over.reason)
    else if (this.#standing?.tunnel.endpoint.isOpen) flow.attach(openOn(this.#standing))
    else {
      this.#waiting.add(flow)
      this.#keeper.hurry()
    }
  }

  /** A program's first question often comes before the tunnel: it waits, but less than a stub resolver. */
  #untilUp(): Promise<Standing | undefined> {
    if (this.#over) return Promise.resolve(undefined)
    const { promise, resolve } = Promise.withResolvers<Standing | undefined>()
    const cancel = this.#deps.after(QUESTION_PATIENCE_MS, () => resolve(undefined))
    this.#arrival ??= Promise.withResolvers<Standing | undefined>()
    void this.#arrival.promise.then((standing) => {
      cancel()
      resolve(standing)
    })
    this.#asking++
    this.#keeper.hurry()
    return promise.finally(() => this.#asking--)
  }

  #arrive(standing: Standing | undefined): void {
    this.#arrival?.resolve(standing)
    this.#arrival = undefined
  }

  #up(standing: Standing): void {
    const { ready, edgeUrl } = standing.tunnel
    this.#standing = standing
    this.#session = standing.session
    this.#over = undefined
    this.#since = this.#deps.clock()
    this.#deps.log.info({ event: 'tunnel-open', edgeUrl, edge: ready.edgeName }, 'tunnel open')
    this.#waiting.attachAll(openOn(standing))
    this.#arrive(standing)
  }

  #down(standing: Standing): void {
    if (this.#standing !== standing) return
    this.#standing = undefined
    this.#since = this.#deps.clock()
    this.#questions.failAll('the connection to the edge was lost')
  }

  #failed(verdict: Verdict): void {
    const isNews = verdict.reason !== this.#reason
    this.#reason = verdict.reason
    const facts = { event: 'tunnel-down', verdict: verdict.kind, reason: verdict.reason }
    if (isNews) this.#deps.log.warn(facts, `no tunnel: ${verdict.reason}`)
    if (verdict.kind === 'over') this.#end(verdict)
  }

  /** Signed out: names stay known, so that none of them leaks, and none is answered or opened. */
  #end(over: Over): void {
    if (this.#over) return
    this.#over = over
    this.#since = this.#deps.clock()
    this.ownership.suspend(over.reason)
    this.#waiting.refuseAll(over.code, over.reason)
    this.#arrive(undefined)
    this.#tellListeners()
  }

  #control(message: ControlMessage): void {
    const { log } = this.#deps
    switch (message.kind) {
      case 'catalog':
        this.#takeCatalog(message)
        break
      case 'resolved':
        this.#questions.answer(message)
        break
      case 'cut':
        log.info({ event: 'flow-cut', ...message }, `a flow was cut: ${message.reason}`)
        break
      case 'notice':
      case 'signin':
        log.warn({ event: message.kind, ...message }, 'the edge says something')
        break
      default:
        log.debug({ event: 'unexpected', kind: message.kind }, 'not for a client')
    }
  }

  #takeCatalog(catalog: Catalog): void {
    const { skipped } = this.ownership.update(catalog)
    if (skipped.length > 0) this.#deps.log.warn({ event: 'catalog', skipped }, 'odd names skipped')
    this.#catalog = catalog
    this.#tellListeners()
    const { subject } = this.#session.person
    keepCatalog(this.#profile, subject, catalog).catch((error: unknown) => {
      this.#deps.log.warn({ event: 'catalog-not-kept', error }, 'the catalogue was not written')
    })
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener()
  }

  #overError(over: Over): SessionOver {
    return new SessionOver(this.#profile.name, over.reason)
  }
}

function openOn({ tunnel }: Standing): OpenOn {
  return (request, handlers) => tunnel.endpoint.open(request, handlers)
}
