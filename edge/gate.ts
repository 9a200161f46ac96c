import type { Hostname } from '../names/hostname.ts'
import type { Protocol } from '../tunnel/flow.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { type Cut, type LiveFlow, LiveFlows } from './gate/live.ts'
import { Pass } from './gate/pass.ts'
import {
  asAbsent,
  asCut,
  type Denial,
  denialOf,
  deny,
  type FlowRequest,
  type Judge,
  NO_SUCH_NAME,
  type Standing,
} from './gate/verdict.ts'

/** The right to open one flow, once. Only {@link Gate.admit} makes one. */
export interface Grant {
  readonly kind: 'granted'
  readonly request: FlowRequest
  readonly rule: string
  /** When the answer may change by time alone. */
  readonly until: number | undefined
  readonly __brand: 'Grant'
}

/** What the gate must know of the connectors; the registry answers. */
export interface Names {
  /** Whether anybody offers the name on any port. */
  exists(name: Hostname): boolean
  findConnector(id: string): unknown
  /** Whether that connector, connected or not, offers the name and port. */
  serves(connectorId: string, name: Hostname, port: number, protocol: Protocol): boolean
}

export interface GateOptions {
  readonly judge: Judge
  readonly names: Names
  readonly standing: (session: string) => Standing
  /** How long ago the store was last read: revocations written there are not known since. */
  readonly storeAgeMs: () => number
  readonly clock: TunnelClock
  readonly limits: { readonly flows: number; readonly flowsPerSession: number }
}

/**
 * The one gate: every flow and every question about a name passes here, from every on-ramp. It keeps
 * what it let in and judges it again when something changed.
 */
export class Gate {
  readonly #options: GateOptions
  readonly #live = new LiveFlows()
  readonly #pass: Pass<LiveFlow>
  #alarm: { at: number; cancel: () => void } | undefined

  constructor(options: GateOptions) {
    this.#options = options
    const { clock } = options
    const items = () => this.#live.all()
    this.#pass = new Pass({ clock, items, visit: (flow) => this.#judgeAgain(flow) })
  }

  get liveCount(): number {
    return this.#live.size
  }

  findLive(flowId: string): LiveFlow | undefined {
    return this.#live.find(flowId)
  }

  /** `replaced`: the attachment of the same flow that goes when this one is let in. */
  admit(request: FlowRequest, replaced?: LiveFlow): Grant | Denial {
    if (this.#options.storeAgeMs() > BLIND_REFUSE_MS) return BLIND
    const isMore = replaced === undefined
    return (isMore ? this.#overLimit(request) : undefined) ?? this.#decide(request)
  }

  /** Whether a question about the name may be answered: allowed on some port, else it seems absent. */
  mayAsk(request: Pick<FlowRequest, 'session' | 'name' | 'now'>): boolean {
    const { judge, names, standing, storeAgeMs } = this.#options
    if (storeAgeMs() > BLIND_CUT_MS) return false
    const { session, name, now } = request
    const standingNow = standing(session)
    if (standingNow.kind === 'ended' || !names.exists(name)) return false
    return judge.mayReachSomePort(standingNow.who, name, now)
  }

  /**
   * Keeps a flow that a grant lets in.
   * @throws {TypeError} when the grant is no grant, was used before or is another request's
   */
  enter(grant: Grant, flow: LiveFlow): void {
    if (flow.request !== grant.request) throw new TypeError('a grant for something else')
    if (!FreshGrant.spend(grant)) throw new TypeError('not a fresh grant')
    this.#live.add(flow)
    if (flow.until !== undefined) this.#wakeAt(flow.until)
  }

  leave(flow: LiveFlow): void {
    this.#live.remove(flow)
  }

  /** The policy or the connectors changed. Resolves when every flow has been judged. */
  judgeAll(): Promise<void> {
    return this.#pass.start()
  }

  /** A session ended or changed. Resolves when its flows have been judged. */
  judgeSession(session: string): Promise<void> {
    const flows = [...this.#live.ofSession(session)]
    const { clock } = this.#options
    const visit = (flow: LiveFlow) => this.#judgeAgain(flow)
    return new Pass({ clock, items: () => flows, visit }).start()
  }

  /** Call it about every second. An edge that is blind to revocations for long cuts what it has. */
  tick(): void {
    if (this.#options.storeAgeMs() > BLIND_CUT_MS) void this.judgeAll()
  }

  #overLimit({ session }: FlowRequest): Denial | undefined {
    const { flows, flowsPerSession } = this.#options.limits
    if (this.#live.size >= flows) return deny('over-budget', 'the edge has all the flows it can')
    if (this.#live.countOf(session) < flowsPerSession) return undefined
    return deny('over-budget', 'this session has all the flows it may have')
  }

  #decide(request: FlowRequest): Grant | Denial {
    const { judge, names, standing } = this.#options
    const standingNow = standing(request.session)
    if (standingNow.kind === 'ended') return deny(standingNow.code, standingNow.reason)
    if (!names.exists(request.name)) return NO_SUCH_NAME
    const decision = judge.decide({ ...request, who: standingNow.who })
    if (decision.kind === 'allow') return new FreshGrant(request, decision.rule, decision.until)
    return this.#tell(denialOf(decision), request)
  }

  /** An unlisted app does not exist for whoever may not reach it; only the log tells. */
  #tell(denial: Denial, { who, name, now }: FlowRequest): Denial {
    const { judge } = this.#options
    const isHidden = judge.isHiddenFrom(who, { kind: 'host', base: name }, now)
    return isHidden ? asAbsent(denial) : denial
  }

  #judgeAgain(flow: LiveFlow): void {
    if (!this.#live.has(flow)) return
    const cut = this.#reasonToCut(flow)
    if (!cut) return
    this.#live.remove(flow)
    flow.cut(cut)
  }

  #reasonToCut(flow: LiveFlow): Cut | undefined {
    const { names, clock, storeAgeMs } = this.#options
    const { name, port, protocol } = flow.request
    if (storeAgeMs() > BLIND_CUT_MS) return cutOf(BLIND)
    if (!names.findConnector(flow.connectorId)) {
      return { code: 'connector-revoked', reason: 'the connector that carried it was revoked' }
    }
    if (!names.serves(flow.connectorId, name, port, protocol)) {
      return { code: 'not-published', reason: 'its connector does not publish that any more' }
    }
    const verdict = this.#decide({ ...flow.request, now: clock.now() })
    if (verdict.kind === 'denied') return cutOf(verdict)
    flow.rule = verdict.rule
    flow.until = verdict.until
    if (verdict.until !== undefined) this.#wakeAt(verdict.until)
    return undefined
  }

  /** One alarm for the earliest `until` of all. */
  #wakeAt(until: number): void {
    if (this.#alarm && this.#alarm.at <= until) return
    this.#alarm?.cancel()
    const { clock } = this.#options
    const delayMs = Math.min(Math.max(0, until - clock.now()), LONGEST_TIMER_MS)
    this.#alarm = { at: until, cancel: clock.after(delayMs, () => this.#wake()) }
  }

  #wake(): void {
    this.#alarm = undefined
    const now = this.#options.clock.now()
    let isDue = false
    for (const { until } of this.#live.all()) {
      if (until === undefined) continue
      if (until <= now) isDue = true
      else this.#wakeAt(until)
    }
    if (isDue) void this.judgeAll()
  }
}

/** identity.md, "Cut at once": without the store, open nothing after 10 s, cut all after 60 s. */
const BLIND_REFUSE_MS = 10_000
const BLIND_CUT_MS = 60_000
const BLIND = deny('internal', 'the edge cannot read its store')

/** Node's timers overflow after 24.8 days; clocks are also set back and forth. */
const LONGEST_TIMER_MS = 3_600_000

/** Its private field is the proof: nobody else can make one, and it is good once. */
class FreshGrant implements Grant {
  declare readonly __brand: 'Grant'
  readonly kind = 'granted'
  readonly request: FlowRequest
  readonly rule: string
  readonly until: number | undefined
  #isSpent = false

  constructor(request: FlowRequest, rule: string, until: number | undefined) {
    this.request = request
    this.rule = rule
    this.until = until
  }

  /** @returns false for what is no grant, or was used before */
  static spend(grant: Grant): boolean {
    if (!(#isSpent in grant) || grant.#isSpent) return false
    grant.#isSpent = true
    return true
  }
}

/** A flow that policy ends says so: `policy-changed`, whatever it would be told if it asked anew. */
function cutOf(denial: Denial): Cut {
  const { code, reason, rule } = asCut(denial)
  const cut = { code, reason }
  return rule === undefined ? cut : { ...cut, rule }
}
