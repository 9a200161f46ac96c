import { retryDelayMs } from '../../tunnel/backoff.ts'
import type { ControlMessage } from '../../tunnel/control.ts'
import type { FlowTable } from '../../tunnel/endpoint.ts'
import { Addresses } from '../../tunnel/link.ts'
import { type Profile, readProfile } from '../profile.ts'
import type { Post } from '../session/post.ts'
import type { Tunnel } from './attempt.ts'
import { Edges } from './edges.ts'
import { Pause } from './pause.ts'
import { bestOf, edgesToAvoid, type Situation, type Step, stepsFor, wantsAnother } from './plan.ts'
import { type Standing, type StandingDeps, stand } from './standing.ts'
import { Tokens } from './tokens.ts'
import { type Verdict, verdictOfEnd, verdictOfError } from './verdict.ts'

export interface KeeperDeps extends StandingDeps {
  readonly post: Post
  readonly flows: Flows
  readonly version: string
  readonly proxy?: string | undefined
  readonly requiresPostQuantum: boolean
  readonly addresses?: Addresses
}

/** Every flow of this process: a FlowTable, or a test's double. */
export interface Flows
  extends Pick<
    FlowTable,
    'detachedCount' | 'flowCount' | 'tick' | 'close' | 'onDetached' | 'onStranded'
  > {
  resumeOn(endpoint: Tunnel['endpoint']): void
  move(from: Tunnel['endpoint'], to: Tunnel['endpoint']): void
}

export interface KeeperEvents {
  up(standing: Standing): void
  /** It is gone. */
  down(standing: Standing): void
  control(message: ControlMessage): void
  /** Once a second, and when a tunnel came, went or changed. */
  changed(): void
  /** Whether somebody waits for a tunnel now. */
  isAwaited(): boolean
  /** Between attempts. After `over` only a new sign-in helps: the disk is looked at for one. */
  failed(verdict: Verdict): void
}

/** A tunnel that ends sooner counts as a failed attempt, or an edge at its limit would be hammered. */
const STOOD_MS = 5_000
const LOOK_FOR_SIGN_IN_MS = 2_000
const TICK_MS = 1_000
/** For one attempt while flows wait or there are other edges; every third may take longer. */
const ATTEMPT_MS = 4_000
const PATIENT_ATTEMPT_MS = 10_000

/** Keeps one tunnel up, and another when the first may not do (plan.ts): the loop around attempts. */
export class Keeper {
  readonly #deps: KeeperDeps
  readonly #events: KeeperEvents
  readonly #stop = new AbortController()
  readonly #addresses: Addresses
  readonly #edges: Edges
  readonly #pause: Pause
  readonly #tokens: Tokens
  /** Edges that could not take flows back; cleared when all have been asked. */
  readonly #strandedAt = new Set<string>()
  #standing: Standing[] = []
  #profile: Profile
  #failures = 0
  #isOver = false
  #isHurried = false
  /** Where detached flows were asked for last. */
  #carrier: Standing | undefined
  #attempt: AbortController | undefined
  #isLookDue = false

  constructor(profile: Profile, kept: readonly string[], deps: KeeperDeps, events: KeeperEvents) {
    const { clock, after, log, post, flows, addresses = new Addresses() } = deps
    this.#profile = profile
    this.#edges = new Edges(profile, kept, log, clock())
    this.#deps = deps
    this.#events = events
    this.#addresses = addresses
    this.#pause = new Pause(clock, after)
    this.#tokens = new Tokens({ clock, post, log })
    flows.onDetached = () => this.#flowsWait()
    flows.onStranded = () => this.#stranded()
  }

  /** The tunnel for new flows. */
  get best(): Standing | undefined {
    return bestOf(this.#standing)
  }

  /** Oldest first. */
  get all(): readonly Standing[] {
    return this.#standing
  }

  /** Resolves after `close`. */
  async run(): Promise<void> {
    const ticks = setInterval(() => this.#tick(), TICK_MS)
    await this.#once()
    while (!this.#stop.signal.aborted) {
      if (!this.#wantsAnother) await this.#pause.begin()
      else if (await this.#pauseIsOver()) await this.#once()
    }
    clearInterval(ticks)
  }

  /** An edge has told of the others. */
  edgesListed(edges: readonly string[]): void {
    this.#edges.listed(edges, this.#deps.clock())
  }

  /** Somebody began to wait: a pause that was chosen when nobody did is cut short. */
  hurry(): void {
    if (this.#isHurried) return
    this.#isHurried = true
    this.#pause.shorten(this.#delayMs(true))
  }

  close(): void {
    this.#stop.abort()
    this.#attempt?.abort()
    this.#pause.end()
    this.#closeAll('shutting-down', 'the client stops')
  }

  get #situation(): Situation<Standing> {
    const { clock, flows } = this.#deps
    const { detachedCount: detached } = flows
    return { tunnels: this.#standing, now: clock(), detached, strandedAt: this.#strandedAt }
  }

  get #wantsAnother(): boolean {
    return wantsAnother(this.#situation, this.#edges.all)
  }

  get #flowsAreAway(): boolean {
    return this.#deps.flows.detachedCount > 0 || this.#events.isAwaited()
  }

  /** @returns whether another tunnel is still wanted then */
  async #pauseIsOver(): Promise<boolean> {
    this.#isHurried = false
    await this.#pause.begin(this.#delayMs(this.#flowsAreAway))
    return !this.#stop.signal.aborted && this.#wantsAnother
  }

  async #once(): Promise<void> {
    const attempt = new AbortController()
    this.#attempt = attempt
    try {
      this.#take(await this.#stand(attempt.signal))
    } catch (error) {
      if (!attempt.signal.aborted) this.#failed(error)
    }
    this.#attempt = undefined
  }

  #failed(error: unknown): void {
    this.#edges.failed()
    this.#failures++
    this.#note(verdictOfError(error))
  }

  async #stand(signal: AbortSignal): Promise<Standing> {
    const { version, proxy, requiresPostQuantum } = this.#deps
    const edgeUrl = this.#edges.next(edgesToAvoid(this.#situation))
    const profile = await readProfile(this.#profile.directory)
    this.#profile = profile
    const session = await this.#tokens.fresh({
      ...profile,
      edge: { ...profile.edge, url: edgeUrl },
    })
    const timeoutMs = this.#attemptMs
    const where = { edgeUrl, proxy, requiresPostQuantum, timeoutMs }
    return stand({ profile, session, version, signal, ...where }, this.#deps, {
      control: this.#events.control,
      changed: (standing) => this.#changed(standing),
    })
  }

  get #attemptMs(): number {
    const isUrgent = this.#flowsAreAway || this.#edges.all.length > 1
    return isUrgent && this.#failures % 3 !== 2 ? ATTEMPT_MS : PATIENT_ATTEMPT_MS
  }

  #take(standing: Standing): void {
    const { endpoint, ready } = standing.tunnel
    if (this.#stop.signal.aborted) {
      endpoint.close('shutting-down', 'the client stops')
      return
    }
    this.#edges.stood(standing.edgeUrl, ready.edges, this.#deps.clock())
    this.#tokens.taken()
    this.#isOver = false
    this.#standing.push(standing)
    this.#events.up(standing)
    if (standing.end) this.#changed(standing)
    this.#look()
  }

  #changed(standing: Standing): void {
    const isOurs = this.#standing.includes(standing)
    if (standing.end && isOurs) this.#ended(standing)
    this.#lookSoon()
  }

  #ended(standing: Standing): void {
    this.#standing = this.#standing.filter((one) => one !== standing)
    this.#events.down(standing)
    const { code, reason, by } = standing.end ?? NO_END
    const isOurWish = by === 'us' && code === 'shutting-down'
    if (this.#stop.signal.aborted || isOurWish || this.#isOver) return
    const hasStood = this.#deps.clock() - standing.since >= STOOD_MS
    this.#failures = hasStood ? 0 : this.#failures + 1
    this.#note(verdictOfEnd(code, reason), standing.session.token)
  }

  /** `token`: of the tunnel that ended. */
  #note(verdict: Verdict, token?: string): void {
    if (verdict.kind === 'renew') this.#tokens.refused(token)
    if (verdict.kind === 'over') {
      this.#isOver = true
      this.#tokens.bury(this.#profile, token)
      this.#closeAll(verdict.code, verdict.reason)
    }
    this.#events.failed(verdict)
  }

  #closeAll(code: Parameters<Flows['close']>[0], reason: string): void {
    for (const { tunnel } of [...this.#standing]) tunnel.endpoint.close(code, reason)
    this.#deps.flows.close(code, reason)
  }

  #delayMs(flowsWait: boolean): number {
    if (this.#isOver) return LOOK_FOR_SIGN_IN_MS
    const failures = Math.max(0, this.#failures - 1)
    const anotherLives = this.best !== undefined && !flowsWait
    return retryDelayMs({ failures, anotherLives, flowsWait }, this.#deps.chance())
  }

  #tick(): void {
    const now = this.#deps.clock()
    if (this.#addresses.look()) this.#networkChanged()
    for (const standing of [...this.#standing]) {
      standing.tick(now, !this.#addresses.hasGone(standing.tunnel.localAddress))
    }
    this.#deps.flows.tick(now)
    this.#look()
  }

  /** What failed before says nothing of the network as it is now. */
  #networkChanged(): void {
    this.#failures = 0
    this.#attempt?.abort()
    this.#isHurried = false
    this.hurry()
  }

  #flowsWait(): void {
    this.hurry()
    this.#lookSoon()
  }

  #stranded(): void {
    if (this.#carrier) this.#strandedAt.add(this.#carrier.edgeUrl)
    if (this.#edges.all.every((edge) => this.#strandedAt.has(edge))) this.#strandedAt.clear()
    this.#flowsWait()
  }

  /** Not at once: a thousand flows may say so one after the other, in the midst of something. */
  #lookSoon(): void {
    if (this.#isLookDue) return
    this.#isLookDue = true
    queueMicrotask(() => this.#look())
  }

  #look(): void {
    this.#isLookDue = false
    if (this.#stop.signal.aborted) return
    if (this.#deps.flows.detachedCount === 0) this.#strandedAt.clear()
    for (const step of stepsFor(this.#situation)) this.#do(step)
    this.#events.changed()
    if (this.#wantsAnother) this.#pause.wake()
  }

  #do(step: Step<Standing>): void {
    const { flows } = this.#deps
    switch (step.kind) {
      case 'resume':
        this.#carrier = step.on
        flows.resumeOn(step.on.tunnel.endpoint)
        break
      case 'move':
        this.#carrier = step.to
        flows.move(step.from.tunnel.endpoint, step.to.tunnel.endpoint)
        break
      case 'lose':
        step.tunnel.tunnel.endpoint.lose(step.reason)
        break
      case 'close':
        step.tunnel.tunnel.endpoint.close('shutting-down', step.reason)
    }
  }
}

const NO_END = { code: 'tunnel-lost', reason: '', by: 'network' } as const
