import { Bucket } from '../bucket.ts'
import { type ResetCode, TunnelError } from '../codes.ts'
import { type Open, readOpen, refusedFrame } from '../frames/open.ts'
import { readResume } from '../frames/resume.ts'
import { resetFrame } from '../frames/write.ts'
import { initialShare, type Limits, type Rates } from '../limits.ts'
import type { TunnelClock } from '../port.ts'
import { beginStream, type UsedStreams } from '../used-streams.ts'
import type { RelayFlow } from './face.ts'
import { Flow } from './flow.ts'
import type { LegTunnel } from './leg.ts'

export interface DoorOptions {
  readonly tunnel: LegTunnel
  /** The streams of the tunnel, used or refused. */
  readonly streams: UsedStreams
  readonly clock: TunnelClock
  readonly limits: Limits
  readonly rates: Rates
  /** The gate. */
  open(flow: RelayFlow): void
  /** The gate; undefined where nothing is resumed. */
  readonly resume: ((flow: RelayFlow) => void) | undefined
}

/** Where the OPENs and RESUMEs of a client come in: nothing is done for one that breaks a limit. */
export class Door {
  readonly #options: DoorOptions
  readonly #rate: Bucket
  readonly #excess: Bucket
  readonly #resumes: Bucket
  #pending = 0
  /** After GOAWAY. */
  isShut = false

  constructor(options: DoorOptions) {
    const now = options.clock.now()
    this.#options = options
    this.#rate = new Bucket(...options.rates.open, now)
    this.#excess = new Bucket(...options.rates.open, now)
    this.#resumes = new Bucket(...options.rates.resume, now)
  }

  /** @throws TunnelError when a stream is used twice, or OPENs come at twice their rate */
  open(stream: number, bytes: Uint8Array, start: number, end: number): void {
    beginStream(this.#options.streams, stream)
    const { tunnel, clock } = this.#options
    const open = readOpen(bytes, start, end)
    const refusal = this.#reasonNotToTake(open)
    if (refusal) {
      const [code, reason] = refusal
      tunnel.outbox.append(refusedFrame(stream, { code, reason, facts: {} }))
      return
    }
    this.#pending += 1
    this.#options.open(new Flow({ kind: 'open', open }, tunnel, stream, clock))
  }

  /** @throws TunnelError when a stream is used twice, or where nothing is resumed */
  resume(stream: number, bytes: Uint8Array, start: number, end: number): void {
    beginStream(this.#options.streams, stream)
    const { tunnel, clock, resume: ask } = this.#options
    if (!ask) throw new TunnelError('unsupported', 'no flow is resumed here')
    const resume = readResume(bytes, start, end)
    const isTooFast = !this.#resumes.take(clock.now())
    const refusal = isTooFast ? TOO_FAST : this.#reasonNotToCarry()
    if (refusal) {
      tunnel.outbox.append(resetFrame(stream, ...refusal))
      return
    }
    this.#pending += 1
    ask(new Flow({ kind: 'resume', resume }, tunnel, stream, clock))
  }

  /** An OPEN has its answer. */
  answered(): void {
    this.#pending -= 1
  }

  #reasonNotToTake({ protocol, sendLimit }: Open): Refused | undefined {
    const { limits, tunnel } = this.#options
    if (this.#isTooFast()) return TOO_FAST
    if (protocol === 'udp') return ['unsupported', 'UDP is not carried yet']
    // The edge has heard of every end before it hears of the next OPEN: its count is never above.
    if (sendLimit > initialShare(limits, tunnel.flowCount)) {
      return ['flow-control', 'the first window is larger than READY allows']
    }
    return this.#reasonNotToCarry()
  }

  #reasonNotToCarry(): Refused | undefined {
    const { limits, tunnel } = this.#options
    if (this.isShut) return ['shutting-down', 'the edge is shutting down']
    const isFull = tunnel.flowCount >= limits.maxFlows || this.#pending >= limits.maxPendingOpens
    return isFull ? ['over-budget', 'this tunnel has too many flows'] : undefined
  }

  #isTooFast(): boolean {
    const now = this.#options.clock.now()
    if (this.#rate.take(now)) return false
    if (this.#excess.take(now)) return true
    throw new TunnelError('rate-limited', 'too many OPENs')
  }
}

type Refused = readonly [ResetCode, string]
const TOO_FAST: Refused = ['rate-limited', 'too many flows at once']
