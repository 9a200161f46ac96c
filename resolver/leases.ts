import type { Hostname } from '../names/hostname.ts'
import type { RangePair } from './choice.ts'
import { LEASE_RULES, type LeaseBook, type LeaseRules } from './lease-book.ts'
import { type LeaseAnswer, type LeaseGauges, RangeLeases } from './leases/range-leases.ts'
import { addressBytes, type Family } from './range.ts'

export type { Lease, LeaseAnswer, LeaseGauges } from './leases/range-leases.ts'

/**
 * Synthetic addresses: one for each (name, family), which keeps its meaning until the range is
 * nearly full (resolver.md, "Who gives synthetic addresses"). Written down before it is given out.
 */
export class Leases {
  readonly range: RangePair
  readonly #book: LeaseBook
  readonly #v4: RangeLeases
  readonly #v6: RangeLeases | undefined

  constructor(book: LeaseBook, range: RangePair, rules: LeaseRules = LEASE_RULES) {
    this.range = range
    this.#book = book
    this.#v4 = new RangeLeases(book, range.v4, rules)
    this.#v6 = range.v6 && new RangeLeases(book, range.v6, rules)
  }

  /** `app`: the wildcard pattern that the name was found by, if it was one. */
  addressFor(name: Hostname, family: Family, now: number, app = ''): LeaseAnswer {
    return this.#of(family)?.addressFor(name, now, app) ?? NO_FAMILY
  }

  /** The name that an address means, in any spelling of it; it counts as used now. */
  nameOf(address: string, now: number): Hostname | undefined {
    const bytes = addressBytes(address)
    return bytes && this.nameOfBytes(bytes, now)
  }

  /** As {@link nameOf}, of an address in octets. */
  nameOfBytes(bytes: Uint8Array, now: number): Hostname | undefined {
    return this.#of(familyOf(bytes))?.nameOf(bytes, now)
  }

  /** Whether an address (octets) lies in a range of ours, leased or not. */
  holds(bytes: Uint8Array): boolean {
    return this.#of(familyOf(bytes))?.range.contains(bytes) ?? false
  }

  gauges(): LeaseGauges[] {
    return [this.#v4, this.#v6].flatMap((leases) => leases?.gauges() ?? [])
  }

  close(): void {
    this.#book.close()
  }

  #of(family: Family): RangeLeases | undefined {
    return family === 4 ? this.#v4 : this.#v6
  }
}

const familyOf = (bytes: Uint8Array): Family => (bytes.length === 4 ? 4 : 6)
const NO_FAMILY = { kind: 'no-family' } as const
