/** SPEC.md §6.2. Waiting: bytes are unacknowledged or an OPEN is unanswered. */
export const IDLE_PING_MS = 15_000
export const WAITING_PING_MS = 2_000
export const DOUBT_MS = 4_000
export const WAITING_DEAD_MS = 20_000
export const IDLE_DEAD_MS = 45_000

/** `doubt` asks for a ping as well. */
export type LifeSign = 'fine' | 'ping' | 'doubt' | 'dead'

/**
 * Tells from what is heard whether the other end lives. A socket is no witness: when an address goes
 * away, no error comes for minutes.
 */
export class Liveness {
  #heard = true
  #heardAt: number
  #pingedAt: number
  #tickAt: number
  /** Since when something waits for an answer. */
  #waitingAt: number | undefined

  constructor(now: number) {
    this.#heardAt = now
    this.#pingedAt = now
    this.#tickAt = now
  }

  /** Anything came from the other end; the next tick says when. */
  heard(): void {
    this.#heard = true
  }

  /** A sign of life was asked for: silence counts from now. */
  asked(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now)
  }

  tick(now: number, waiting: boolean): LifeSign {
    // A process that slept (a suspended laptop) must ask before it judges.
    if (this.#heard || now - this.#tickAt > DOUBT_MS) this.#heardAt = now
    this.#heard = false
    this.#tickAt = now
    this.#waitingAt = waiting ? (this.#waitingAt ?? now) : undefined
    // Silence before there was anything to answer says nothing.
    const silentMs = now - Math.max(this.#heardAt, this.#waitingAt ?? 0)
    if (now - this.#heardAt >= IDLE_DEAD_MS) return 'dead'
    if (waiting && silentMs >= WAITING_DEAD_MS) return 'dead'
    if (waiting && silentMs >= DOUBT_MS) return 'doubt'
    return this.#pingDue(now, silentMs, waiting) ? 'ping' : 'fine'
  }

  #pingDue(now: number, silentMs: number, waiting: boolean): boolean {
    const sinceMs = now - this.#pingedAt
    const due =
      sinceMs >= IDLE_PING_MS ||
      (waiting && silentMs >= WAITING_PING_MS && sinceMs >= WAITING_PING_MS)
    if (due) this.#pingedAt = now
    return due
  }
}

/** The least of the last eight round trips: queues make single ones long. */
export class RoundTrip {
  readonly #micros: number[] = []

  add(micros: number): void {
    if (micros < 0) return
    this.#micros.push(micros)
    if (this.#micros.length > 8) this.#micros.shift()
  }

  get leastMs(): number | undefined {
    return this.#micros.length === 0 ? undefined : Math.min(...this.#micros) / 1000
  }
}

/** An other end that answers pings but reads nothing else would keep what waits for it for ever. */
export class Progress {
  #written = 0
  #since = 0

  /** Bytes wait, and for `WAITING_DEAD_MS` none of them went out. */
  isStuck(now: number, outbox: { readonly queuedBytes: number; readonly writtenBytes: number }) {
    const { queuedBytes, writtenBytes } = outbox
    if (queuedBytes === 0 || writtenBytes !== this.#written || this.#since === 0) this.#since = now
    this.#written = writtenBytes
    return now - this.#since >= WAITING_DEAD_MS
  }
}
