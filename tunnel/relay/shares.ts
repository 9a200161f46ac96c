import type { PartyKey } from '../fair/rounds.ts'
import { LEAST_WINDOW_BYTES } from '../limits.ts'

/**
 * What the relay lets wait for one tunnel, over all its flows (SPEC.md §5.4). A flow that is alone gets
 * half: as much as an end's largest window.
 */
const BOUND_BYTES = 8 * 1024 * 1024
/**
 * What may be granted and not have come yet, over all its flows: idle flows keep their windows. Both
 * bounds and the least windows of 2,500 flows stay below what ends a tunnel (MAX_QUEUED_BYTES of
 * relay.ts), so that no honest sender ends one.
 */
const COMMITTED_BYTES = 48 * 1024 * 1024
/** Of that, what one party can use up: thousands of idle flows of one must not stop all others. */
const PARTY_COMMITTED_BYTES = COMMITTED_BYTES / 2

/** What may come for a tunnel and wait for it, by party: the thousand flows of one share one share. */
export class Shares {
  readonly #queuedBytes: () => number
  readonly #parties = new Map<PartyKey, Share>()
  /** Parties with bytes that wait. */
  #active = 0
  #committedBytes = 0
  /** The same, but of no party more than it can use up. */
  #usedUpBytes = 0

  /** `queuedBytes`: what waits for the tunnel in all, headers and everything. */
  constructor(queuedBytes: () => number) {
    this.#queuedBytes = queuedBytes
  }

  /** Granted to senders, and neither come nor given up. */
  get committedBytes(): number {
    return this.#committedBytes
  }

  of(key: PartyKey): Share {
    const known = this.#parties.get(key)
    if (known !== undefined) return known
    const share = new Share(this, key)
    this.#parties.set(key, share)
    return share
  }

  /** How far beyond what is written out a flow of this party may be granted credit. */
  freeBytes({ activeFlows, waitingBytes, committedBytes }: Share): number {
    const parties = Math.max(1, this.#active + (activeFlows === 0 ? 1 : 0))
    const free = (BOUND_BYTES / parties - waitingBytes) / (activeFlows + 1)
    const grantable = Math.min(
      free,
      BOUND_BYTES - this.#queuedBytes(),
      COMMITTED_BYTES - this.#usedUpBytes,
      PARTY_COMMITTED_BYTES - committedBytes,
    )
    return Math.max(LEAST_WINDOW_BYTES, Math.floor(grantable))
  }

  commit(before: number, after: number): void {
    const usable = (bytes: number) => Math.min(bytes, PARTY_COMMITTED_BYTES)
    this.#committedBytes += after - before
    this.#usedUpBytes += usable(after) - usable(before)
  }

  activate(parties: 1 | -1): void {
    this.#active += parties
  }

  forget(share: Share): void {
    if (this.#parties.get(share.key) === share) this.#parties.delete(share.key)
  }
}

/** What one party has of a tunnel. */
export class Share {
  readonly key: PartyKey
  readonly #shares: Shares
  /** Directions that still may bring something. */
  #open = 0
  #activeFlows = 0
  #waitingBytes = 0
  #committedBytes = 0

  constructor(shares: Shares, key: PartyKey) {
    this.#shares = shares
    this.key = key
  }

  /** Directions with bytes that wait. */
  get activeFlows(): number {
    return this.#activeFlows
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get committedBytes(): number {
    return this.#committedBytes
  }

  get freeBytes(): number {
    return this.#shares.freeBytes(this)
  }

  /** `bytes` more were granted, or, below zero, came or will not come. */
  commit(bytes: number): void {
    const before = this.#committedBytes
    this.#committedBytes += bytes
    this.#shares.commit(before, this.#committedBytes)
  }

  /** `bytes` more wait, or, below zero, are written out or thrown away. */
  wait(bytes: number): void {
    this.#waitingBytes += bytes
  }

  join(): void {
    this.#open += 1
  }

  part(): void {
    this.#open -= 1
    this.#forgetIfIdle()
  }

  enter(): void {
    if (this.#activeFlows === 0) this.#shares.activate(1)
    this.#activeFlows += 1
  }

  leave(): void {
    this.#activeFlows -= 1
    if (this.#activeFlows === 0) this.#shares.activate(-1)
    this.#forgetIfIdle()
  }

  #forgetIfIdle(): void {
    if (this.#open === 0 && this.#activeFlows === 0) this.#shares.forget(this)
  }
}
