import type { SessionDocument } from '../../identity/profile.ts'
import type { Profile } from '../profile.ts'
import { endSession, freshSession, readSession, type SessionDeps, SessionOver } from '../session.ts'
import type { StandingDeps } from './standing.ts'

export interface TokensDeps extends SessionDeps {
  readonly log: StandingDeps['log']
}

/** Which token a tunnel is dialled with: not one that an edge did not take. */
export class Tokens {
  readonly #deps: TokensDeps
  /** Not taken; and of a session that is over. */
  #bad: string | undefined
  #dead: string | undefined
  /** Of the last session that was read. */
  #last: string | undefined

  constructor(deps: TokensDeps) {
    this.#deps = deps
  }

  /** @throws as {@link freshSession} */
  async fresh(profile: Profile): Promise<SessionDocument> {
    const onDisk = await readSession(profile, this.#deps.clock())
    if (onDisk.token === this.#dead) throw new SessionOver(profile.name, 'the edge ended it')
    this.#last = onDisk.token
    const session = await freshSession(profile, this.#deps, this.#bad)
    this.#last = session.token
    return session
  }

  taken(): void {
    this.#bad = undefined
  }

  /** `token`: the last that was read, when it is not known which. */
  refused(token = this.#last): void {
    this.#bad = token
  }

  /** Its session is over: other processes need not ask, and this one does not try again. */
  bury(profile: Profile, token = this.#last): void {
    const { clock, log } = this.#deps
    this.#dead = token
    if (token === undefined) return
    endSession(profile, token, clock()).catch((error: unknown) => {
      log.warn({ event: 'session-not-ended', error }, 'that the session is over was not written')
    })
  }
}
