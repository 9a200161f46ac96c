import { makeDpop, renewTarget } from '../../identity/dpop-proof.ts'
import type { Renew } from '../../tunnel/control.ts'
import type { Profile } from '../profile.ts'
import type { After } from './waiting.ts'

export interface RenewalDeps {
  readonly profile: Profile
  readonly sessionId: string
  readonly send: (message: Renew) => void
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly after: After
}

const LEAST_PAUSE_MS = 5_000
/** A timer of more than 2³¹ ms fires at once: whatever the edge says of a token's life. */
const MOST_PAUSE_MS = 24 * 3_600_000
/** An edge that did not answer is asked again after this long. */
const ANSWER_MS = 15_000

/** Asks for the next token over a tunnel when half of the last one's life is over (RENEW). */
export class Renewal {
  readonly #deps: RenewalDeps
  #cancel: () => void = () => {}
  #isStopped = false

  constructor(deps: RenewalDeps, expiresAt: number) {
    this.#deps = deps
    this.planFor(expiresAt)
  }

  /** A token that lives until then has come, over this tunnel or by another process. */
  planFor(expiresAt: number): void {
    const halfMs = (expiresAt - this.#deps.clock()) / 2
    this.#again(Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, halfMs)))
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #again(delayMs: number): void {
    this.#cancel()
    if (this.#isStopped) return
    this.#cancel = this.#deps.after(delayMs, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    const { profile, sessionId, send, clock } = this.#deps
    const target = renewTarget(profile.deployment, sessionId)
    const proof = await makeDpop(profile.key, target, clock())
    if (this.#isStopped) return
    send({ kind: 'renew', proof })
    this.#again(ANSWER_MS)
  }
}
