import { findHostname, type Hostname } from '../../names/hostname.ts'
import type { LeaseBook, LeaseRules } from '../lease-book.ts'
import type { SyntheticRange } from '../range.ts'

export type LeaseAnswer =
  | Lease
  /** The range has no addresses of that family. */
  | { readonly kind: 'no-family' }
  /** None is free: not in the range, or not within the cap of the wildcard app. */
  | { readonly kind: 'exhausted'; readonly what: 'range' | 'app'; readonly capacity: number }
  /** It could not be written down, so it must not be given out. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface Lease {
  readonly kind: 'leased'
  readonly address: string
  /** The address as it travels in a record. */
  readonly bytes: Uint8Array
}

/** What a gauge shows of one range. */
export interface LeaseGauges {
  readonly cidr: string
  readonly capacity: number
  readonly inUse: number
  readonly resting: number
  readonly refused: number
}

interface Remembered {
  readonly lease: Lease
  readonly name: Hostname
  readonly confirmedAt: number
}

/**
 * The leases of one range. The book is the truth, shared with other processes; what is remembered
 * here was confirmed in it, as used, at most `confirmMs` ago, while the book frees nothing that was
 * used within the far longer `unusedMs`: so memory never gives an address that is not the name's.
 */
export class RangeLeases {
  readonly range: SyntheticRange
  readonly #book: LeaseBook
  readonly #rules: LeaseRules
  readonly #byName = new Map<Hostname, Remembered>()
  readonly #bySlot = new Map<number, Remembered>()
  #refused = 0

  constructor(book: LeaseBook, range: SyntheticRange, rules: LeaseRules) {
    this.#book = book
    this.range = range
    this.#rules = rules
  }

  addressFor(name: Hostname, now: number, app: string): LeaseAnswer {
    const remembered = this.#byName.get(name)
    if (remembered && this.#isFresh(remembered, now)) return remembered.lease
    try {
      const leased = this.#book.exclusively(() => this.#lease(name, now, app))
      // Only now is it written down for good.
      return typeof leased === 'number' ? this.#remember(leased, name, now) : leased
    } catch (error) {
      this.#refused++
      return { kind: 'failed', reason: reasonOf(error) }
    }
  }

  nameOf(address: Uint8Array, now: number): Hostname | undefined {
    const slot = this.range.slotOf(address)
    if (slot === undefined) return undefined
    const remembered = this.#bySlot.get(slot)
    if (remembered && this.#isFresh(remembered, now)) return remembered.name
    try {
      const name = this.#book.exclusively(() => this.#holder(slot, now))
      if (name !== undefined) this.#remember(slot, name, now)
      return name
    } catch {
      // It cannot be marked as used, a full disk say: what it means is still known.
      return this.#readHolder(slot)
    }
  }

  gauges(): LeaseGauges {
    const { cidr, capacity } = this.range
    const [inUse, resting] = [this.#book.countHeld(cidr), this.#book.countResting(cidr)]
    return { cidr, capacity, inUse, resting, refused: this.#refused }
  }

  /** The name's slot, found or new. */
  #lease(name: Hostname, now: number, app: string): number | LeaseAnswer {
    const { cidr } = this.range
    const row = this.#book.rowOf(cidr, name)
    if (row) {
      this.#book.use(cidr, row.slot, now)
      return row.slot
    }
    this.#free(now)
    if (app !== '' && !this.#fitsApp(app, now)) return this.#exhausted('app', this.#rules.perApp)
    const slot = this.#takeSlot(now)
    if (slot === undefined) return this.#exhausted('range', this.range.capacity)
    this.#book.insert(cidr, { slot, name, app }, now)
    return slot
  }

  /** A slot never used comes first: whatever an old program remembers, it cannot be this one. */
  #takeSlot(now: number): number | undefined {
    const { cidr, capacity } = this.range
    const given = this.#book.countHeld(cidr) + this.#book.countResting(cidr)
    if (given < capacity) return (this.#book.firstSlot() + given) % capacity
    const slot = this.#book.restedSlot(cidr, now - this.#rules.restMs)
    if (slot === undefined) return undefined
    this.#book.remove(cidr, slot)
    this.#forget(slot)
    return slot
  }

  #free(now: number): void {
    const { cidr, capacity } = this.range
    const tooMany = this.#book.countHeld(cidr) + 1 - Math.floor(capacity * this.#rules.freeAboveUse)
    if (tooMany <= 0) return
    const unused = this.#book.unusedSlots(cidr, now - this.#rules.unusedMs, tooMany)
    this.#rest(unused, now)
  }

  /** Within its cap an app is treated as the whole range is. */
  #fitsApp(app: string, now: number): boolean {
    const { cidr } = this.range
    const { perApp, freeAboveUse, unusedMs } = this.#rules
    const held = this.#book.countHeldBy(cidr, app)
    const tooMany = held + 1 - Math.floor(perApp * freeAboveUse)
    if (tooMany <= 0) return true
    const unused = this.#book.unusedSlotsOf(cidr, app, now - unusedMs, tooMany)
    this.#rest(unused, now)
    return held - unused.length < perApp
  }

  #rest(slots: readonly number[], now: number): void {
    for (const slot of slots) {
      this.#book.rest(this.range.cidr, slot, now)
      this.#forget(slot)
    }
  }

  /** A resting address that is used again was not forgotten by its program: the name gets it back. */
  #holder(slot: number, now: number): Hostname | undefined {
    const name = this.#readHolder(slot)
    if (name === undefined) return undefined
    this.#book.use(this.range.cidr, slot, now)
    return name
  }

  #readHolder(slot: number): Hostname | undefined {
    const row = this.#book.rowAt(this.range.cidr, slot)
    return row && findHostname(row.name)
  }

  #remember(slot: number, name: Hostname, now: number): Lease {
    this.#forget(slot)
    const bytes = this.range.bytesAt(slot)
    const lease: Lease = { kind: 'leased', address: this.range.addressAt(slot), bytes }
    const remembered = { lease, name, confirmedAt: now }
    this.#byName.set(name, remembered)
    this.#bySlot.set(slot, remembered)
    return lease
  }

  #forget(slot: number): void {
    const remembered = this.#bySlot.get(slot)
    this.#bySlot.delete(slot)
    if (remembered) this.#byName.delete(remembered.name)
  }

  #exhausted(what: 'range' | 'app', capacity: number): LeaseAnswer {
    this.#refused++
    return { kind: 'exhausted', what, capacity }
  }

  #isFresh({ confirmedAt }: Remembered, now: number): boolean {
    // A clock that was set back makes nothing fresh.
    return now >= confirmedAt && now - confirmedAt < this.#rules.confirmMs
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
