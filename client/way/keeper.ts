import type { SessionDocument } from '../../identity/profile.ts'
import { retryDelayMs } from '../../tunnel/backoff.ts'
import type { ControlMessage } from '../../tunnel/control.ts'
import { type Profile, readProfile } from '../profile.ts'
import type { Post } from '../session/post.ts'
import { endSession, freshSession, readSession, SessionOver } from '../session.ts'
import { type Standing, type StandingDeps, stand } from './standing.ts'
import { type Verdict, verdictOfEnd, verdictOfError } from './verdict.ts'

export interface KeeperDeps extends StandingDeps {
  readonly post: Post
  /** In [0, 1). */
  readonly chance: () => number
  readonly version: string
  readonly proxy?: string | undefined
}

export interface KeeperEvents {
  /** Flows are to be opened on this one from now on, instead of any before. */
  up(standing: Standing): void
  /** No more flows on it: it is gone, or drains. */
  down(standing: Standing): void
  control(message: ControlMessage): void
  /** Whether somebody waits for a tunnel now. */
  isAwaited(): boolean
  /** Between attempts. After `over` only a new sign-in helps: the disk is looked at for one. */
  failed(verdict: Verdict): void
}

/** A tunnel that ends sooner counts as a failed attempt, or an edge at its limit would be hammered. */
const STOOD_MS = 5_000
const LOOK_FOR_SIGN_IN_MS = 2_000

/** Keeps one tunnel up: the loop around single attempts. */
export class Keeper {
  readonly #deps: KeeperDeps
  readonly #events: KeeperEvents
  readonly #stop = new AbortController()
  readonly #standing = new Set<Standing>()
  #profile: Profile
  #edges: readonly string[]
  #failures = 0
  /** A token that the edge did not take; and one whose session it called over. */
  #badToken: string | undefined
  #deadToken: string | undefined
  #token: string | undefined
  #wake: () => void = () => {}
  #hurry: () => void = () => {}

  constructor(profile: Profile, deps: KeeperDeps, events: KeeperEvents) {
    this.#profile = profile
    this.#edges = [profile.edge.url]
    this.#deps = deps
    this.#events = events
  }

  /** Resolves after `close`. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const verdict = await this.#once().catch((error: unknown) => verdictOfError(error))
      if (this.#stop.signal.aborted) return
      this.#note(verdict)
      await this.#pause(this.#delayMs(verdict))
    }
  }

  /** Somebody began to wait: a pause that was chosen when nobody did is cut short. */
  hurry(): void {
    this.#hurry()
  }

  close(): void {
    this.#stop.abort()
    this.#wake()
    for (const { tunnel } of this.#standing) {
      tunnel.endpoint.close('shutting-down', 'the client stops')
    }
  }

  /** From one attempt until its tunnel takes no more flows. */
  async #once(): Promise<Verdict> {
    const startedAt = this.#deps.clock()
    this.#profile = await readProfile(this.#profile.directory)
    const session = await this.#session()
    const standing = await stand(this.#attempt(session), this.#deps, this.#events.control)
    this.#take(standing)
    const end = await standing.retired
    this.#events.down(standing)
    if (this.#deps.clock() - startedAt >= STOOD_MS) this.#failures = 0
    if (end === 'drains') return { kind: 'retry', reason: 'the edge drains' }
    return verdictOfEnd(end.code, end.reason)
  }

  #take(standing: Standing): void {
    const { endpoint, ready } = standing.tunnel
    if (this.#stop.signal.aborted) endpoint.close('shutting-down', 'the client stops')
    this.#standing.add(standing)
    void standing.ended.then(() => this.#standing.delete(standing))
    this.#badToken = undefined
    if (ready.edges.length > 0) this.#edges = ready.edges
    this.#events.up(standing)
  }

  async #session(): Promise<SessionDocument> {
    const { clock, post } = this.#deps
    const profile = this.#profile
    const onDisk = await readSession(profile, clock())
    if (onDisk.token === this.#deadToken) throw new SessionOver(profile.name, 'the edge ended it')
    this.#token = onDisk.token
    const session = await freshSession(profile, { clock, post }, this.#badToken)
    this.#token = session.token
    return session
  }

  #attempt(session: SessionDocument) {
    const { version, proxy } = this.#deps
    const edgeUrl = this.#edges[this.#failures % this.#edges.length] ?? this.#profile.edge.url
    return { profile: this.#profile, session, edgeUrl, proxy, version, signal: this.#stop.signal }
  }

  #note(verdict: Verdict): void {
    this.#failures++
    if (verdict.kind === 'over') this.#bury()
    if (verdict.kind === 'renew') this.#badToken = this.#token
    this.#events.failed(verdict)
  }

  #bury(): void {
    const { clock, log } = this.#deps
    this.#deadToken = this.#token
    if (this.#token === undefined) return
    endSession(this.#profile, this.#token, clock()).catch((error: unknown) => {
      log.warn({ event: 'session-not-ended', error }, 'that the session is over was not written')
    })
  }

  #delayMs(verdict: Verdict): number {
    if (verdict.kind === 'over') return LOOK_FOR_SIGN_IN_MS
    return this.#retryMs(this.#events.isAwaited())
  }

  #retryMs(flowsWait: boolean): number {
    const failures = this.#failures - 1
    const anotherLives = this.#standing.size > 0
    return retryDelayMs({ failures, anotherLives, flowsWait }, this.#deps.chance())
  }

  #pause(delayMs: number): Promise<void> {
    const { after, clock } = this.#deps
    const { promise, resolve } = Promise.withResolvers<void>()
    const endsAt = clock() + delayMs
    let cancel = after(delayMs, resolve)
    this.#wake = () => {
      cancel()
      resolve()
    }
    this.#hurry = () => {
      this.#hurry = () => {}
      const soonMs = this.#retryMs(true)
      if (clock() + soonMs >= endsAt) return
      cancel()
      cancel = after(soonMs, resolve)
    }
    return promise
  }
}
