import type { Socket } from 'node:net'
import type { ResetCode } from '../tunnel/codes.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { CancelSignal } from './cancel.ts'

export type Connected =
  | { readonly kind: 'connected'; readonly socket: Socket; readonly address: string }
  | {
      readonly kind: 'failed'
      readonly code: ConnectFailure
      /** For the person who asked: without addresses, which only the connector knows. */
      readonly reason: string
      /** For the connector's own log. */
      readonly detail: string
    }

export type ConnectFailure = Extract<
  ResetCode,
  | 'origin-refused'
  | 'origin-timeout'
  | 'origin-unreachable'
  | 'origin-forbidden'
  | 'over-budget'
  | 'cancelled'
>

export interface RaceOptions {
  /** In the order in which they are tried; see {@link interleave}. */
  readonly addresses: readonly string[]
  start(address: string): Socket
  /** Whether the socket really leads where it was to: a veto on what the kernel says. */
  isTrue(socket: Socket, address: string): boolean
  readonly clock: Pick<TunnelClock, 'after'>
  readonly signal: CancelSignal
}

/** RFC 8305 §5 and §8. */
const STAGGER_MS = 250
const TIMEOUT_MS = 10_000

/**
 * Connects to the first address that answers: each is tried 250 ms after the one before, or as soon as
 * that fails; losers are closed. Never rejects; after an abort nothing is left running.
 */
export function raceConnect(options: RaceOptions): Promise<Connected> {
  return new Promise((resolve) => new Race(options, resolve).next())
}

/** RFC 8305 §4: the families take turns, beginning with that of the first address. */
export function interleave(addresses: readonly string[]): readonly string[] {
  if (addresses.length < 2) return addresses
  const isSix = (address: string) => address.includes(':')
  const first = addresses.filter((address) => isSix(address) === isSix(addresses[0] ?? ''))
  const second = addresses.filter((address) => !first.includes(address))
  return Array.from({ length: Math.max(first.length, second.length) }, (_, at) => [
    first[at],
    second[at],
  ])
    .flat()
    .filter((address) => address !== undefined)
}

/** What connect(2) says, as our code; anything else is `origin-unreachable`. */
const CODES: Readonly<Record<string, ConnectFailure>> = {
  ECONNREFUSED: 'origin-refused',
  // A Unix socket whose queue is full; ECONNRESET: accepted and thrown out again.
  EAGAIN: 'origin-refused',
  ECONNRESET: 'origin-refused',
  ETIMEDOUT: 'origin-timeout',
  EMFILE: 'over-budget',
  ENFILE: 'over-budget',
  ENOBUFS: 'over-budget',
}

/** Of several failures the one that tells most: somebody was there, nobody answered, no way there. */
const TELLING: readonly ConnectFailure[] = [
  'origin-refused',
  'over-budget',
  'origin-timeout',
  'origin-unreachable',
  'origin-forbidden',
]

class Race {
  readonly #options: RaceOptions
  readonly #finish: (outcome: Connected) => void
  readonly #sockets = new Set<Socket>()
  readonly #failures: Extract<Connected, { kind: 'failed' }>[] = []
  readonly #left: string[]
  #stopStagger: () => void = () => undefined
  readonly #stopTimeout: () => void
  #isOver = false

  constructor(options: RaceOptions, finish: (outcome: Connected) => void) {
    this.#options = options
    this.#finish = finish
    this.#left = [...options.addresses]
    const { clock, signal } = options
    this.#stopTimeout = clock.after(TIMEOUT_MS, () =>
      this.#end(failed('origin-timeout', `${options.addresses.join(', ')}: silent`)),
    )
    signal.addEventListener('abort', this.#cancel, { once: true })
  }

  next(): void {
    this.#stopStagger()
    if (this.#options.signal.aborted) this.#left.length = 0
    const address = this.#left.shift()
    if (address === undefined) {
      if (this.#sockets.size === 0) this.#end(this.#worst())
      return
    }
    this.#try(address)
    if (this.#left.length > 0) {
      this.#stopStagger = this.#options.clock.after(STAGGER_MS, () => this.next())
    }
  }

  #cancel = (): void => this.#end(failed('cancelled', ''))

  #try(address: string): void {
    const socket = this.#options.start(address)
    this.#sockets.add(socket)
    const lose = (error: NodeJS.ErrnoException) => this.#lose(socket, address, error.code)
    socket.on('error', lose)
    socket.once('connect', () => {
      // The winner lives for long and would keep the whole race.
      socket.on('error', ignore).off('error', lose)
      this.#win(socket, address)
    })
  }

  #lose(socket: Socket, address: string, code = 'unknown'): void {
    this.#fail(socket, CODES[code] ?? 'origin-unreachable', `${address}: ${code}`)
  }

  #fail(socket: Socket, code: ConnectFailure, detail: string): void {
    if (this.#isOver || !this.#sockets.delete(socket)) return
    socket.destroy()
    this.#failures.push(failed(code, detail))
    this.next()
  }

  #win(socket: Socket, address: string): void {
    if (this.#isOver) return
    if (!this.#options.isTrue(socket, address)) {
      this.#fail(socket, 'origin-forbidden', `${address} led to ${socket.remoteAddress}`)
      return
    }
    this.#sockets.delete(socket)
    this.#end({ kind: 'connected', socket, address })
  }

  #worst(): Connected {
    const rank = ({ code }: { code: ConnectFailure }) => TELLING.indexOf(code)
    const [most] = this.#failures.toSorted((a, b) => rank(a) - rank(b))
    return most ?? failed(this.#options.signal.aborted ? 'cancelled' : 'origin-unreachable', '')
  }

  #end(outcome: Connected): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopStagger()
    this.#stopTimeout()
    this.#options.signal.removeEventListener('abort', this.#cancel)
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    this.#finish(outcome)
  }
}

/** Until somebody takes the socket over, its errors are nobody's; then they are heard there too. */
function ignore(): void {}

const REASONS: Record<ConnectFailure, string> = {
  'origin-refused': 'the app refused the connection',
  'origin-timeout': 'the app did not answer',
  'origin-unreachable': 'the connector has no way to the app',
  'origin-forbidden': 'the app leads to an address that may not be dialled',
  'over-budget': 'the connector has no room for another connection',
  cancelled: 'the flow was given up',
}

const failed = (code: ConnectFailure, detail: string): Extract<Connected, { kind: 'failed' }> => ({
  kind: 'failed',
  code,
  reason: REASONS[code],
  detail,
})
