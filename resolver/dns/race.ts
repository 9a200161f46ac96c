import type { Message } from './message.ts'
import type { Server } from './system.ts'
import { RCODE } from './type.ts'

/** Asks one server once; rejects if it cannot or the signal ends it. */
export type Attempt = (server: Server, signal: AbortSignal) => Promise<Message>

export interface RaceTimes {
  /** Another server is asked as well once the first has been silent this long. */
  readonly staggerMs: number
  /** A server that was asked already is asked again after this long. */
  readonly againMs: number
  readonly budgetMs: number
}

/** Under the five seconds after which stub resolvers give up (resolv.conf(5), `timeout`). */
const RACE_TIMES: RaceTimes = { staggerMs: 300, againMs: 1000, budgetMs: 4500 }

const SECOND_CHANCES = 2

/**
 * Asks the servers in order, the next one early when the last attempt fails. The first answer that
 * says yes or no (NOERROR, NXDOMAIN) wins; a server's failure is only passed on when no server did
 * better; `undefined` when none answered at all.
 */
export function raceServers(
  servers: readonly Server[],
  attempt: Attempt,
  times: RaceTimes = RACE_TIMES,
): Promise<Message | undefined> {
  return new Promise((resolve) => new Race(servers, attempt, times, resolve).start())
}

class Race {
  readonly #servers: readonly Server[]
  readonly #attempt: Attempt
  readonly #times: RaceTimes
  readonly #resolve: (message: Message | undefined) => void
  readonly #abort = new AbortController()
  readonly #budget: NodeJS.Timeout
  #next: NodeJS.Timeout | undefined
  #started = 0
  #running = 0
  #failure: Message | undefined

  constructor(
    servers: readonly Server[],
    attempt: Attempt,
    times: RaceTimes,
    resolve: (message: Message | undefined) => void,
  ) {
    this.#servers = servers
    this.#attempt = attempt
    this.#times = times
    this.#resolve = resolve
    this.#budget = setTimeout(() => this.#finish(this.#failure), times.budgetMs)
  }

  start(): void {
    clearTimeout(this.#next)
    const server = this.#nextServer()
    if (server === undefined) {
      if (this.#running === 0) this.#finish(this.#failure)
      return
    }
    this.#running++
    this.#attempt(server, this.#abort.signal).then(
      (message) => this.#answered(message),
      () => this.#failed(),
    )
    const again = this.#started >= this.#servers.length
    this.#next = setTimeout(() => this.start(), again ? this.#times.againMs : this.#times.staggerMs)
  }

  #nextServer(): Server | undefined {
    if (this.#started >= this.#servers.length + SECOND_CHANCES) return undefined
    return this.#servers[this.#started++ % this.#servers.length]
  }

  #answered(message: Message): void {
    if (message.rcode === RCODE.NOERROR || message.rcode === RCODE.NXDOMAIN) {
      this.#finish(message)
      return
    }
    this.#failure ??= message
    this.#failed()
  }

  #failed(): void {
    this.#running--
    if (!this.#abort.signal.aborted) this.start()
  }

  #finish(message: Message | undefined): void {
    clearTimeout(this.#next)
    clearTimeout(this.#budget)
    this.#abort.abort()
    this.#resolve(message)
  }
}
