import type { Socket } from 'node:net'
import type { Hostname } from '../names/hostname.ts'
import { shortSocketPath } from '../process/socket-path.ts'
import type { ResetCode } from '../tunnel/codes.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { App } from './app.ts'
import type { CancelSignal } from './cancel.ts'
import { canonicalAddress, judgeAddress, type Verdict } from './check.ts'
import { interleave, raceConnect } from './happy-eyeballs.ts'
import type { Network } from './network.ts'
import { Resolver } from './resolve.ts'
import { type SlotBounds, Slots } from './slots.ts'

export interface DialRequest {
  readonly app: App
  /** What was asked for. */
  readonly name: Hostname
  readonly port: number
}

export type Dialled =
  | {
      readonly kind: 'connected'
      readonly socket: Socket
      /** What was dialled in the end: an address or a path. */
      readonly address: string
      readonly resolveMicros: number
      readonly connectMicros: number
    }
  | {
      readonly kind: 'failed'
      readonly code: ResetCode
      /** For the person who asked: without addresses, which only the connector knows. */
      readonly reason: string
      /** For the connector's own log. */
      readonly detail: string
    }

export interface DiallerOptions {
  readonly network: Network
  readonly clock: TunnelClock
  readonly bounds?: SlotBounds
}

/** Dials under way at once: in all, to one app, and waiting for one of these. */
const BOUNDS: SlotBounds = { all: 1024, each: 512, waiting: 8192 }
/** A name with a thousand addresses is not a thousand attempts. */
const MAX_ADDRESSES = 16

/** From an app to a connected socket: resolve, judge each address, race them. Dials are bounded. */
export class Dialler {
  readonly #network: Network
  readonly #clock: TunnelClock
  readonly #resolver: Resolver
  readonly #slots: Slots<App>

  constructor({ network, clock, bounds = BOUNDS }: DiallerOptions) {
    this.#network = network
    this.#clock = clock
    this.#resolver = new Resolver(network, clock)
    this.#slots = new Slots(bounds)
  }

  get activeCount(): number {
    return this.#slots.heldCount
  }

  get waitingCount(): number {
    return this.#slots.waitingCount
  }

  /** Never rejects. Aborting `signal` leaves no socket behind; a connected one is the caller's. */
  async dial(request: DialRequest, signal: CancelSignal): Promise<Dialled> {
    const permit = await this.#slots.take(request.app, signal)
    if (permit === undefined) return cancelled
    if (permit === 'full') return failed('over-budget', 'too many dials are waiting')
    try {
      return await this.#dial(request, signal)
    } finally {
      permit()
    }
  }

  #dial({ app, name, port }: DialRequest, signal: CancelSignal): Promise<Dialled> {
    const { to } = app
    switch (to.kind) {
      case 'unix':
        return this.#dialUnix(to.path, signal)
      case 'address':
        return this.#race(to.addresses, to.addresses, to.port ?? port, 0, signal)
      case 'name':
        return this.#dialName(to.name, to.port ?? port, signal)
      case 'as-asked':
        return this.#dialName(name, port, signal)
    }
  }

  async #dialName(name: Hostname, port: number, signal: CancelSignal): Promise<Dialled> {
    const startedAt = this.#clock.micros()
    const resolution = await this.#resolver.resolve(name)
    if (signal.aborted) return cancelled
    if (resolution.kind === 'failed') return failed(resolution.code, resolution.reason, name)
    const resolveMicros = Math.round(this.#clock.micros() - startedAt)
    return this.#race(resolution.addresses, [], port, resolveMicros, signal)
  }

  /** Every address passes the veto here, just before it is dialled and whatever it came from. */
  async #race(
    candidates: readonly string[],
    named: readonly string[],
    port: number,
    resolveMicros: number,
    signal: CancelSignal,
  ): Promise<Dialled> {
    const verdicts = candidates.slice(0, MAX_ADDRESSES).map((one) => judgeAddress(one, named))
    const addresses = verdicts.filter((one) => one.kind === 'dial').map(({ address }) => address)
    if (addresses.length === 0) return forbidden(verdicts)
    const startedAt = this.#clock.micros()
    const outcome = await raceConnect({
      addresses: interleave(addresses),
      start: (address) => this.#network.connect({ kind: 'tcp', address, port }),
      isTrue: ({ remoteAddress: seen }, address) =>
        // Already closed again by the other end when there is none.
        seen === undefined || canonicalAddress(seen) === address,
      clock: this.#clock,
      signal,
    })
    if (outcome.kind === 'failed') return outcome
    return {
      ...outcome,
      resolveMicros,
      connectMicros: Math.round(this.#clock.micros() - startedAt),
    }
  }

  async #dialUnix(file: string, signal: CancelSignal): Promise<Dialled> {
    const path = shortSocketPath(file)
    if (path === undefined) return failed('origin-unreachable', 'the socket path is too long')
    const startedAt = this.#clock.micros()
    const outcome = await raceConnect({
      addresses: [file],
      start: () => this.#network.connect({ kind: 'unix', path }),
      isTrue: () => true,
      clock: this.#clock,
      signal,
    })
    if (outcome.kind === 'failed') return outcome
    const connectMicros = Math.round(this.#clock.micros() - startedAt)
    return { ...outcome, resolveMicros: 0, connectMicros }
  }
}

const failed = (code: ResetCode, reason: string, detail = ''): Dialled => ({
  kind: 'failed',
  code,
  reason,
  detail,
})
const cancelled = failed('cancelled', 'the flow was given up')

function forbidden(verdicts: readonly Verdict[]): Dialled {
  const vetoed = verdicts.filter((one) => one.kind === 'forbidden')
  const reason = `the app leads to a forbidden address (${vetoed[0]?.reason ?? 'none'})`
  return failed('origin-forbidden', reason, vetoed.map(({ address }) => address).join(', '))
}
