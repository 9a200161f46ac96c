import type { TunnelClock } from '../../tunnel/port.ts'
import type { RelayFlow } from '../../tunnel/relay.ts'
import { Pass } from '../gate/pass.ts'
import type { FlowRequest } from '../gate/verdict.ts'

/** How long a connector has to come back, before the client looks for it at another edge. */
const HOLD_MS = 10_000
const MOST = 50_000
const MOST_OF_SESSION = 10_000

/** One RESUME, and what it asks for. */
export interface Asked {
  readonly flow: RelayFlow
  readonly request: FlowRequest
  /** How long it may wait; from the first time that it had to. */
  readonly until?: number
}

interface Waiting extends Asked {
  readonly instance: string
  readonly until: number
}

/** RESUMEs whose connector is not here yet, bounded in all and for each session. */
export class Held {
  readonly #clock: TunnelClock
  readonly #take: (asked: Asked) => void
  readonly #waiting = new Set<Waiting>()
  readonly #ofInstance = new Map<string, Set<Waiting>>()
  readonly #ofSession = new Map<string, number>()

  /** `take`: its connector may be here now. */
  constructor(clock: TunnelClock, take: (asked: Asked) => void) {
    this.#clock = clock
    this.#take = take
  }

  get size(): number {
    return this.#waiting.size
  }

  /** @returns false when there is no room */
  hold(instance: string, { flow, request, until }: Asked): boolean {
    const { session } = request
    const count = this.#ofSession.get(session) ?? 0
    if (this.#waiting.size >= MOST || count >= MOST_OF_SESSION) return false
    const waiting = { flow, request, instance, until: until ?? this.#clock.now() + HOLD_MS }
    this.#waiting.add(waiting)
    this.#ofSession.set(session, count + 1)
    const all = this.#ofInstance.get(instance) ?? new Set()
    this.#ofInstance.set(instance, all.add(waiting))
    flow.handlers = { closed: () => this.#drop(waiting) }
    return true
  }

  /** Tries all that wait for that process again, in slices: ten thousand may. */
  release(instance: string): void {
    const all = [...(this.#ofInstance.get(instance) ?? [])]
    if (all.length === 0) return
    const visit = (waiting: Waiting) => {
      if (this.#drop(waiting)) this.#take(waiting)
    }
    void new Pass({ clock: this.#clock, items: () => all, visit }).start()
  }

  *overdue(now: number): Generator<Asked> {
    for (const waiting of this.#waiting) {
      if (waiting.until <= now && this.#drop(waiting)) yield waiting
    }
  }

  *all(): Generator<Asked> {
    for (const waiting of this.#waiting) if (this.#drop(waiting)) yield waiting
  }

  #drop(waiting: Waiting): boolean {
    if (!this.#waiting.delete(waiting)) return false
    const { instance, flow, request } = waiting
    flow.handlers = undefined
    const all = this.#ofInstance.get(instance)
    all?.delete(waiting)
    if (all?.size === 0) this.#ofInstance.delete(instance)
    const left = (this.#ofSession.get(request.session) ?? 1) - 1
    if (left > 0) this.#ofSession.set(request.session, left)
    else this.#ofSession.delete(request.session)
    return true
  }
}
