import type { Log } from '../process/log.ts'
import { retryDelayMs } from '../tunnel/backoff.ts'
import type { LinkClosed, TunnelClock } from '../tunnel/port.ts'
import type { Tunnel } from './attempt.ts'
import { Seat, type SeatStatus, seatsFor, statusOf } from './seats.ts'

export interface StayOptions {
  /** The edge to begin with, an https origin. */
  readonly edge: string
  /** Only that one: this machine reaches it by an address of its own. */
  readonly isPinned: boolean
  /** One attempt; attempt.ts has the real one. */
  readonly open: (edge: string, signal: AbortSignal) => Promise<Tunnel>
  readonly clock: TunnelClock
  /** Gives [0, 1). */
  readonly random: () => number
  readonly log: Log
  /** A tunnel is ready: announce on it. */
  readonly ready: (tunnel: Tunnel) => void
  /** The edge says that this connector has no place there any more. */
  readonly revoked: (reason: string) => void
}

/** A tunnel that lived shorter than this counts as a failed try. */
const STEADY_MS = 10_000
const TICK_MS = 1000
/** How long an edge may take to close its end. */
const CLOSING_MS = 1000

/**
 * Keeps tunnels open: to every edge there is, and at least two in all. Each seat is a loop of its
 * own, attempt, life, pause; when an edge drains, its seat looks for a successor at once while the
 * old tunnel's flows go on.
 */
export class Stay {
  readonly #options: StayOptions
  readonly #over = new AbortController()
  #seats: Seat[] = []
  readonly #tunnels = new Set<Tunnel>()
  /** Of them, those without a seat: closed when their last flow has ended. */
  readonly #retired = new WeakSet<Tunnel>()
  #stopTick: () => void = () => undefined

  constructor(options: StayOptions) {
    this.#options = options
  }

  start(): void {
    this.#arrange([])
    this.#tick()
  }

  /** Every tunnel that is up, draining ones too. */
  get tunnels(): Iterable<Tunnel> {
    return this.#tunnels
  }

  get isReady(): boolean {
    return this.#seats.some((seat) => seat.tunnel !== undefined)
  }

  get status(): SeatStatus[] {
    return this.#seats.map(statusOf)
  }

  /**
   * Takes no more flows, lets those there are end for `drainMs`, then closes every tunnel.
   * @returns how many flows were cut
   */
  async close(drainMs: number): Promise<number> {
    this.#over.abort()
    for (const { endpoint } of this.#tunnels) endpoint.goAway('the connector is shutting down')
    const until = this.#options.clock.now() + drainMs
    while (this.#flowCount > 0 && this.#options.clock.now() < until) await this.#pause(50)
    const cut = this.#flowCount
    this.#stopTick()
    const open = [...this.#tunnels]
    for (const { endpoint } of open) endpoint.close('shutting-down', 'the connector has stopped')
    const allClosed = new AbortController()
    void Promise.all(open.map(({ closed }) => closed)).then(() => allClosed.abort())
    await this.#pause(CLOSING_MS, allClosed.signal)
    return cut
  }

  get #flowCount(): number {
    return [...this.#tunnels].reduce((sum, { endpoint }) => sum + endpoint.flowCount, 0)
  }

  /** Seats for the edges of the latest READY; those that are right already stay as they are. */
  #arrange(edges: readonly string[]): void {
    const { edge, isPinned } = this.#options
    const free = new Set(this.#seats)
    this.#seats = seatsFor(edge, isPinned ? [] : edges).map((wanted) => {
      const seat = [...free].find((one) => one.edge === wanted)
      if (!seat) return this.#newSeat(wanted)
      free.delete(seat)
      return seat
    })
    for (const seat of free) {
      seat.gone.abort()
      seat.tunnel?.endpoint.goAway('this edge is not listed any more')
      if (seat.tunnel) this.#retired.add(seat.tunnel)
    }
  }

  #newSeat(edge: string): Seat {
    const seat = new Seat(edge, this.#options.clock.now())
    void this.#keep(seat)
    return seat
  }

  async #keep(seat: Seat): Promise<void> {
    const gone = AbortSignal.any([this.#over.signal, seat.gone.signal])
    while (!gone.aborted) {
      await this.#pause(this.#delayFor(seat), gone)
      if (gone.aborted) return
      seat.become('connecting', this.#options.clock.now())
      const tunnel = await this.#attempt(seat, gone)
      if (tunnel) await this.#live(seat, tunnel)
      seat.become('waiting', this.#options.clock.now())
    }
  }

  #delayFor({ failures }: Seat): number {
    const anotherLives = this.#tunnels.size > 0
    return retryDelayMs({ failures, anotherLives, flowsWait: false }, this.#options.random())
  }

  async #attempt(seat: Seat, gone: AbortSignal): Promise<Tunnel | undefined> {
    try {
      const tunnel = await this.#options.open(seat.edge, gone)
      if (!gone.aborted) return tunnel
      tunnel.endpoint.close('shutting-down', 'no longer needed')
    } catch (error) {
      if (!gone.aborted) this.#failed(seat, error as Error & { code?: string })
    }
    return undefined
  }

  /** From READY until the tunnel ends or drains. */
  async #live(seat: Seat, tunnel: Tunnel): Promise<void> {
    const { clock, log, ready } = this.#options
    const { ready: facts } = tunnel
    this.#tunnels.add(tunnel)
    void tunnel.closed.then((why) => this.#ended(seat, tunnel, why))
    seat.tunnel = tunnel
    seat.become('open', clock.now())
    seat.lastError = undefined
    const { edgeName, keyAgreement, exporterMatched } = facts
    const open = { event: 'tunnel-open', edge: seat.edge, edgeName, keyAgreement, exporterMatched }
    log.info(open, `tunnel to ${edgeName} is open`)
    ready(tunnel)
    this.#arrange(facts.edges)
    await tunnel.draining
    seat.tunnel = undefined
    seat.failures = clock.now() - seat.since < STEADY_MS ? seat.failures + 1 : 0
  }

  #ended(seat: Seat, tunnel: Tunnel, { code, reason, by }: LinkClosed): void {
    this.#tunnels.delete(tunnel)
    if (this.#over.signal.aborted) return
    seat.lastError = `${code}: ${reason}`
    const facts = { event: 'tunnel-closed', edge: seat.edge, code, reason, by }
    this.#options.log.warn(facts, 'a tunnel was closed')
    if (code === 'connector-revoked') this.#options.revoked(reason)
  }

  /** Said once for each reason, not at each try. */
  #failed(seat: Seat, error: Error & { code?: string }): void {
    const said = `${error.code ?? error.name}: ${error.message}`
    const level = said === seat.lastError ? 'debug' : 'warn'
    seat.failures++
    seat.lastError = said
    const facts = { event: 'edge-away', edge: seat.edge, code: error.code, failures: seat.failures }
    this.#options.log[level](facts, `no tunnel to ${seat.edge}: ${error.message}`)
    if (error.code === 'connector-revoked') this.#options.revoked(error.message)
  }

  #tick(): void {
    const { clock } = this.#options
    for (const tunnel of this.#tunnels) {
      const { endpoint } = tunnel
      if (this.#retired.has(tunnel) && endpoint.flowCount === 0) endpoint.close('shutting-down')
      else endpoint.tick(clock.now())
    }
    this.#stopTick = clock.after(TICK_MS, () => this.#tick())
  }

  #pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(delayMs, done)
      function done() {
        signal?.removeEventListener('abort', done)
        stop?.()
        resolve()
      }
      signal?.addEventListener('abort', done, { once: true })
    })
  }
}
