import { Bucket } from '../../tunnel/bucket.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import type { TunnelClock } from '../../tunnel/port.ts'
import type { RelayTunnel } from '../../tunnel/relay.ts'
import type { LiveFlow } from '../gate/live.ts'
import { asCut, type Denial, deny } from '../gate/verdict.ts'
import type { Gate, Grant } from '../gate.ts'
import type { Counts } from '../metrics.ts'
import type { Registry } from '../registry.ts'
import type { Route } from '../route.ts'
import { type Asked, Held } from './held.ts'
import { type RefusalBooks, refuseFlow } from './refuse.ts'

export interface ResumesOptions {
  readonly gate: Pick<Gate, 'admit' | 'findLive'>
  readonly route: Pick<Route, 'resume'>
  readonly registry: Pick<Registry<RelayTunnel>, 'hasAnnounced' | 'isGone'>
  readonly books: RefusalBooks
  readonly counts: Pick<Counts, 'judged'>
  readonly clock: TunnelClock
}

/**
 * Flows that come back (SPEC.md §7). Each is judged as if it were opened now, and led to the very
 * process that holds it; where that is not here it waits a while for it, and never goes to another.
 */
export class Resumes {
  readonly #options: ResumesOptions
  readonly #rates = new Map<string, Bucket>()
  readonly #held: Held
  #isDraining = false

  constructor(options: ResumesOptions) {
    this.#options = options
    this.#held = new Held(options.clock, (asked) => this.#judge(asked))
  }

  get heldCount(): number {
    return this.#held.size
  }

  ask(asked: Asked): void {
    if (this.#isTooFast(asked.request.session)) this.#refuse(asked, TOO_FAST, 0)
    else this.#judge(asked)
  }

  /** That connector process has a tunnel here, or has said what it offers. */
  arrived(instance: string): void {
    this.#held.release(instance)
  }

  /** About every second. */
  tick(now: number): void {
    for (const asked of this.#held.overdue(now)) this.#refuse(asked, this.#whyNot(asked), 0)
    // A bucket that nobody has used for a minute is full again.
    for (const [session, bucket] of this.#rates) {
      if (bucket.isFull(now)) this.#rates.delete(session)
    }
  }

  /** This edge takes nothing more: all that wait may go to another. */
  drain(): void {
    this.#isDraining = true
    for (const asked of this.#held.all()) this.#refuse(asked, DRAINING, 0)
  }

  #judge(first: Asked): void {
    const { clock, gate, counts } = this.#options
    const begin = clock.micros()
    const asked = { ...first, request: { ...first.request, now: clock.now() } }
    const { flow } = asked
    const old = gate.findLive(flow.flowId)
    const verdict = (old && reasonNotToReplace(old, asked)) ?? gate.admit(asked.request, old)
    const gateMicros = Math.round(clock.micros() - begin)
    counts.judged(gateMicros)
    if (verdict.kind === 'denied') this.#deny(asked, verdict, gateMicros)
    else this.#lead(asked, verdict, gateMicros, old)
  }

  /** What a connector publishes may not be known here before it is back, and is no reason till then. */
  #deny(asked: Asked, denial: Denial, gateMicros: number): void {
    const isOfNames = OF_NAMES.has(denial.told.code)
    const isEarly = isOfNames && !this.#options.registry.hasAnnounced(instanceOf(asked))
    if (isEarly) this.#hold(asked, gateMicros)
    else this.#refuse(asked, asCut(denial), gateMicros)
  }

  #lead(asked: Asked, grant: Grant, gateMicros: number, old: LiveFlow | undefined): void {
    old?.letGo()
    const led = this.#options.route.resume(asked.flow, grant, gateMicros, instanceOf(asked))
    if (led === 'not-published') this.#refuse(asked, NOT_PUBLISHED, gateMicros)
    if (led === 'not-here') this.#hold(asked, gateMicros)
  }

  #hold(asked: Asked, gateMicros: number): void {
    if (this.#isDraining) this.#refuse(asked, DRAINING, gateMicros)
    else if (!this.#held.hold(instanceOf(asked), asked)) this.#refuse(asked, NOT_HERE, gateMicros)
  }

  /** A process that has ended takes its flows with it; of any other the client may ask elsewhere. */
  #whyNot(asked: Asked): Denial {
    return this.#options.registry.isGone(instanceOf(asked)) ? GONE : NOT_HERE
  }

  #refuse({ flow, request }: Asked, denial: Denial, gateMicros: number): void {
    refuseFlow(flow, request, denial, gateMicros, this.#options.books)
  }

  /** Over all tunnels of a session: a second tunnel is no second allowance. */
  #isTooFast(session: string): boolean {
    const now = this.#options.clock.now()
    const bucket = this.#rates.get(session) ?? new Bucket(...RESUMES, now)
    this.#rates.set(session, bucket)
    return !bucket.take(now)
  }
}

/** A client that lost its tunnel comes with all its flows at once. */
const RESUMES = [5_000, 65_536] as const

function reasonNotToReplace(old: LiveFlow, { flow, request }: Asked): Denial | undefined {
  if (old.request.session === request.session) {
    return flow.attempt > old.attempt ? undefined : MISMATCH
  }
  // Somebody's word only, and the connector's answer is on its way: who has the flow asks again.
  return old.isAnswered ? MISMATCH : NOT_HERE
}

const instanceOf = ({ flow }: Asked): string => flow.instance ?? ''

/** The same for what is hidden as for what is not there, or waiting would tell them apart. */
const OF_NAMES: ReadonlySet<ResetCode> = new Set(['no-such-name', 'not-published'])

const MISMATCH = deny('resume-mismatch', 'there is no such flow to resume')
const NOT_HERE = deny('connector-not-here', 'the connector that has the flow is not at this edge')
const GONE = deny('connector-down', 'the connector that had the flow has ended')
const NOT_PUBLISHED = deny('not-published', 'its connector does not publish that any more')
const TOO_FAST = deny('rate-limited', 'too many flows come back at once')
const DRAINING = deny('shutting-down', 'the edge is shutting down')
