import type { Log } from '../process/log.ts'
import { retryDelayMs } from '../tunnel/backoff.ts'
import { KnownEdges } from '../tunnel/edges.ts'
import type { FlowTable } from '../tunnel/endpoint.ts'
import { Addresses } from '../tunnel/link.ts'
import type { LinkClosed, TunnelClock } from '../tunnel/port.ts'
import type { AttemptBounds, Tunnel } from './attempt.ts'
import { Seat, type SeatStatus, seatsFor, statusOf } from './seats.ts'

export interface StayOptions {
  /** The edge to begin with, an https origin. */
  readonly edge: string
  /** Only that one: this machine reaches it by an address of its own. */
  readonly isPinned: boolean
  /** One attempt; attempt.ts has the real one. */
  readonly open: (edge: string, bounds: AttemptBounds) => Promise<Tunnel>
  /** Every flow of this process. */
  readonly flows: Pick<FlowTable, 'detachedCount' | 'tick' | 'close'>
  readonly addresses?: Addresses
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
/** An edge that was lost or drained is dialled as if flows waited for it, for so long: it restarts. */
const RESTART_MS = 120_000
const ATTEMPT_MS = 10_000
/** While flows wait; every third attempt may take longer. */
const URGENT_ATTEMPT_MS = 4_000

/**
 * Keeps tunnels open: to every edge there is, and at least two in all. Each seat is a loop of its
 * own, attempt, life, pause; when an edge drains or nothing comes from it, its seat looks for a
 * successor at once while the old tunnel's flows go on.
 */
export class Stay {
  readonly #options: StayOptions
  readonly #over = new AbortController()
  readonly #edges: KnownEdges
  readonly #addresses: Addresses
  #seats: Seat[] = []
  readonly #tunnels = new Set<Tunnel>()
  /** Of them, those without a seat: closed when their last flow has ended. */
  readonly #retired = new WeakSet<Tunnel>()
  #stopTick: () => void = () => undefined

  constructor(options: StayOptions) {
    this.#options = options
    this.#edges = new KnownEdges(options.edge)
    this.#addresses = options.addresses ?? new Addresses()
  }

  start(): void {
    this.#arrange()
    this.#tick()
  }

  /** An edge has told of the others. */
  edgesListed(edges: readonly string[]): void {
    this.#edges.listed(edges, this.#options.clock.now())
    if (!this.#over.signal.aborted) this.#arrange()
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
    this.#options.flows.close('shutting-down', 'the connector has stopped')
    const open = [...this.#tunnels]
    for (const { endpoint } of open) endpoint.close('shutting-down', 'the connector has stopped')
    const allClosed = new AbortController()
    void Promise.all(open.map(({ closed }) => closed)).then(() => allClosed.abort())
    await this.#pause(CLOSING_MS, allClosed.signal)
    return cut
  }

  get #flowCount(): number {
    const { detachedCount } = this.#options.flows
    return [...this.#tunnels].reduce((sum, { endpoint }) => sum + endpoint.flowCount, detachedCount)
  }

  /** Seats for the edges that are known; those that are right already stay as they are. */
  #arrange(): void {
    const { edge, isPinned } = this.#options
    const free = new Set(this.#seats)
    this.#seats = seatsFor(edge, isPinned ? [] : this.#edges.all).map((wanted) => {
      const seat = [...free].find((one) => one.edge === wanted)
      if (!seat) return this.#newSeat(wanted)
      free.delete(seat)
      return seat
    })
    for (const seat of free) {
      seat.gone.abort()
      for (const tunnel of [seat.tunnel, seat.former]) {
        if (tunnel) this.#retire(tunnel, 'this edge is not listed any more')
      }
    }
  }

  #retire(tunnel: Tunnel, reason: string): void {
    tunnel.endpoint.goAway(reason)
    this.#retired.add(tunnel)
  }

  #newSeat(edge: string): Seat {
    const seat = new Seat(edge, this.#options.clock.now())
    void this.#keep(seat)
    return seat
  }

  async #keep(seat: Seat): Promise<void> {
    const gone = AbortSignal.any([this.#over.signal, seat.gone.signal])
    while (!gone.aborted) {
      await this.#pause(this.#delayFor(seat), AbortSignal.any([gone, seat.begin()]))
      if (gone.aborted) return
      const tunnel = this.#recovered(seat) ?? (await this.#attempt(seat, gone))
      if (tunnel) await this.#live(seat, tunnel)
      seat.become('waiting', this.#options.clock.now())
    }
  }

  #delayFor({ failures, lostAt }: Seat): number {
    const { clock, flows, random } = this.#options
    const anotherLives = this.#seats.some(({ tunnel }) => tunnel !== undefined)
    const flowsWait = flows.detachedCount > 0 || clock.now() - lostAt < RESTART_MS
    return retryDelayMs({ failures, anotherLives, flowsWait }, random())
  }

  /** The tunnel whose doubt was the reason to look for another. */
  #recovered({ former }: Seat): Tunnel | undefined {
    return former && this.#tunnels.has(former) && !this.#isDoubtful(former) ? former : undefined
  }

  async #attempt(seat: Seat, gone: AbortSignal): Promise<Tunnel | undefined> {
    seat.become('connecting', this.#options.clock.now())
    const signal = AbortSignal.any([gone, seat.begin()])
    const isUrgent = this.#options.flows.detachedCount > 0 && seat.failures % 3 !== 2
    const timeoutMs = isUrgent ? URGENT_ATTEMPT_MS : ATTEMPT_MS
    try {
      const tunnel = await this.#options.open(seat.edge, { timeoutMs, signal })
      if (!gone.aborted) return this.#opened(seat, tunnel)
      tunnel.endpoint.close('shutting-down', 'no longer needed')
    } catch (error) {
      if (!signal.aborted) this.#failed(seat, error as Error & { code?: string })
    }
    return undefined
  }

  #opened(seat: Seat, tunnel: Tunnel): Tunnel {
    const { clock, log, ready } = this.#options
    const { edgeName, keyAgreement, exporterMatched, edges } = tunnel.ready
    this.#tunnels.add(tunnel)
    void tunnel.closed.then((why) => this.#ended(seat, tunnel, why))
    const open = { event: 'tunnel-open', edge: seat.edge, edgeName, keyAgreement, exporterMatched }
    log.info(open, `tunnel to ${edgeName} is open`)
    this.#replace(seat)
    ready(tunnel)
    this.#edges.listed(edges, clock.now())
    return tunnel
  }

  /** A successor stands: what was in doubt is lost, or if it has come back, has done its service. */
  #replace(seat: Seat): void {
    const { former } = seat
    seat.former = undefined
    if (!former || !this.#tunnels.has(former)) return
    if (this.#isDoubtful(former) && former.endpoint.canResume) {
      former.endpoint.lose(SILENT)
    } else this.#retire(former, 'another tunnel has taken over')
  }

  /** From READY until the tunnel ends, drains or is in doubt. */
  async #live(seat: Seat, tunnel: Tunnel): Promise<void> {
    const { clock } = this.#options
    const doubt = seat.begin()
    seat.former = undefined
    seat.tunnel = tunnel
    seat.become('open', clock.now())
    seat.lastError = undefined
    this.#arrange()
    await Promise.race([tunnel.draining, aborted(doubt)])
    seat.tunnel = undefined
    if (this.#isDoubtful(tunnel)) seat.former = tunnel
    const isSteady = clock.now() - seat.since >= STEADY_MS
    seat.failures = isSteady ? 0 : seat.failures + 1
    if (isSteady) seat.lostAt = clock.now()
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
    const { clock, flows } = this.#options
    if (this.#addresses.look()) this.#networkChanged()
    for (const tunnel of [...this.#tunnels]) this.#tend(tunnel)
    for (const { tunnel, interrupt } of this.#seats) {
      if (tunnel && this.#isDoubtful(tunnel)) interrupt.abort()
    }
    flows.tick(clock.now())
    this.#stopTick = clock.after(TICK_MS, () => this.#tick())
  }

  #tend(tunnel: Tunnel): void {
    const { endpoint } = tunnel
    if (this.#retired.has(tunnel) && endpoint.flowCount === 0) endpoint.close('shutting-down')
    else if (this.#hasMoved(tunnel) && endpoint.canResume) {
      endpoint.lose('the network address is gone')
    } else {
      endpoint.tick(this.#options.clock.now())
      this.#doubt(tunnel)
    }
  }

  /** Its flows can go on by another tunnel, and only this end may know that it is dead. */
  #doubt(tunnel: Tunnel): void {
    if (!this.#isDoubtful(tunnel) || !tunnel.endpoint.canResume) return
    const isWell = (other: Tunnel | undefined) =>
      other !== undefined && other !== tunnel && !this.#isDoubtful(other)
    if (this.#seats.some((seat) => isWell(seat.tunnel))) tunnel.endpoint.lose(SILENT)
  }

  #isDoubtful(tunnel: Tunnel): boolean {
    return tunnel.endpoint.isInDoubt || this.#hasMoved(tunnel)
  }

  /** Its socket has an address that this machine has no more. */
  #hasMoved({ localAddress }: Tunnel): boolean {
    return this.#addresses.hasGone(localAddress)
  }

  /** What failed before says nothing of the network as it is now. */
  #networkChanged(): void {
    for (const seat of this.#seats) {
      if (seat.tunnel) continue
      seat.failures = 0
      seat.interrupt.abort()
    }
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

const SILENT = 'nothing came from the edge, and another tunnel stands'

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
