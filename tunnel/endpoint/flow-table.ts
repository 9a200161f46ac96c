import type { ResetCode } from '../codes.ts'
import type { FlowEnd } from '../flow.ts'
import type { TunnelClock } from '../port.ts'
import type { EndFlow } from './end-flow.ts'
import { Tombstones } from './tombstones.ts'

export interface FlowTableOptions {
  readonly clock: TunnelClock
  /** Gives [0, 1). */
  readonly random: () => number
  /** How long a flow may be without a tunnel; 120,000 when left out. */
  readonly lifeMs?: number | undefined
  /**
   * Connector: whose flow it is, out of OPEN's context; only the same party gets it back.
   * @throws TunnelError for a context that cannot be read
   */
  readonly partyOf?: (context: Uint8Array) => string
}

/** What the table asks of a tunnel that is to carry detached flows on. */
export interface Carrier {
  /** It takes flows back now. */
  readonly canTakeBack: boolean
  /** Sends RESUME. @returns false when the tunnel has no room for it */
  resume(flow: EndFlow): boolean
  /** Flows that have been opened, and not those that still ask. */
  readonly openFlows: readonly EndFlow[]
}

export const DETACHED_LIFE_MS = 120_000
/** A late RESUME may be under way for as long (SPEC.md §7). */
const LATE_MS = 30_000
/** A flow that an edge would not take back is asked for again within this. */
const RETRY_MS = 2000
/**
 * An edge that has not answered by then holds RESUME for a connector that may be at another; the
 * second time there is more patience, or thousands of flows would go to and fro.
 */
const SLOW_MS = [1_000, 5_000] as const
/** Flows taken over in one go: the loop has other things to do as well. */
const AT_ONCE = 200
const PAUSE_MS = 2

interface Wait {
  readonly since: number
  dueAt: number
  /** RESUME is out. */
  asked: Ask | undefined
  /** How often it was. */
  tries: number
}

interface Ask {
  readonly on: Carrier
  readonly at: number
}

/**
 * Every flow of one process that may outlive its tunnel (SPEC.md §7): share one among all endpoints.
 * What has no tunnel waits here, within its life.
 */
export class FlowTable {
  readonly partyOf: (context: Uint8Array) => string
  /** Client: flows wait for a tunnel now. */
  onDetached: (() => void) | undefined
  /** Client: an edge could not take a flow back for reasons of its own, or is slow; another may. */
  onStranded: (() => void) | undefined
  readonly #clock: TunnelClock
  readonly #random: () => number
  readonly #lifeMs: number
  readonly #flows = new Map<string, EndFlow>()
  readonly #waits = new Map<EndFlow, Wait>()
  readonly #stones: Tombstones

  constructor({ clock, random, lifeMs = DETACHED_LIFE_MS, partyOf = () => '' }: FlowTableOptions) {
    this.#clock = clock
    this.#random = random
    this.#lifeMs = lifeMs
    this.partyOf = partyOf
    this.#stones = new Tombstones(lifeMs + LATE_MS)
  }

  /** Flows without a tunnel, those that ask for one among them. */
  get detachedCount(): number {
    return this.#waits.size
  }

  get flowCount(): number {
    return this.#flows.size
  }

  find(flowId: string): EndFlow | undefined {
    return this.#flows.get(flowId)
  }

  /** How that party's flow ended, if it did lately. */
  findEnd(flowId: string, party: string | undefined): FlowEnd | undefined {
    return this.#stones.find(flowId, party)
  }

  /** Client: asks for every detached flow that is due, some at a time. */
  resumeOn(carrier: Carrier): void {
    if (!carrier.canTakeBack) return
    const now = this.#clock.now()
    let left = AT_ONCE
    for (const [flow, wait] of this.#waits) {
      if (!isDueOn(carrier, wait, now)) continue
      if (left-- === 0) return void this.#clock.after(PAUSE_MS, () => this.resumeOn(carrier))
      flow.leave()
      if (!carrier.resume(flow)) return
      const { since, dueAt, tries } = wait
      this.#waits.set(flow, { since, dueAt, tries: tries + 1, asked: { on: carrier, at: now } })
    }
  }

  /** Client: takes what is open on a tunnel over to another one, some at a time. */
  move(from: Carrier, to: Carrier): void {
    let left = AT_ONCE
    for (const flow of to.canTakeBack ? from.openFlows : []) {
      if (left-- === 0) {
        this.#clock.after(PAUSE_MS, () => this.move(from, to))
        break
      }
      flow.leave()
    }
    this.resumeOn(to)
  }

  /** About every second: what has waited too long is over. */
  tick(now: number): void {
    this.#stones.sweep(now)
    let isHeldUp = false
    for (const [flow, wait] of this.#waits) {
      if (now - wait.since >= this.#lifeMs) flow.fail(TOO_LONG)
      else isHeldUp ||= isSlow(wait, now)
    }
    if (isHeldUp) this.onStranded?.()
  }

  /** The process stops: what waits is over. */
  close(code: ResetCode = 'shutting-down', reason = ''): void {
    for (const flow of [...this.#waits.keys()]) flow.fail({ code, reason })
  }

  opened(flow: EndFlow): void {
    this.#flows.set(flow.id, flow)
  }

  detached(flow: EndFlow): void {
    const now = this.#clock.now()
    const { since = now, tries = 0 } = this.#waits.get(flow) ?? {}
    this.#waits.set(flow, { since, dueAt: now, asked: undefined, tries })
    this.onDetached?.()
  }

  attached(flow: EndFlow): void {
    this.#waits.delete(flow)
  }

  stranded(flow: EndFlow): void {
    const wait = this.#waits.get(flow)
    if (wait === undefined) return
    wait.asked = undefined
    wait.dueAt = this.#clock.now() + this.#random() * RETRY_MS
    this.onStranded?.()
  }

  /** `end` is what a late RESUME is told. */
  ended(flow: EndFlow, end: FlowEnd): void {
    this.#waits.delete(flow)
    if (this.#flows.get(flow.id) !== flow) return
    this.#flows.delete(flow.id)
    if (!flow.isOpener) this.#stones.add(flow.id, flow.party, end, this.#clock.now())
  }
}

function isDueOn(carrier: Carrier, wait: Wait, now: number): boolean {
  if (wait.asked === undefined) return wait.dueAt <= now
  return wait.asked.on !== carrier && isSlow(wait, now)
}

function isSlow({ asked, tries }: Wait, now: number): boolean {
  const slowMs = tries > 1 ? SLOW_MS[1] : SLOW_MS[0]
  return asked !== undefined && now - asked.at >= slowMs
}

const TOO_LONG: FlowEnd = { code: 'detached-too-long', reason: 'no tunnel came back in time' }
