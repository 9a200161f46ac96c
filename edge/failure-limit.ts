import { isIPv6 } from 'node:net'

/** One address may fail so often at once, then once each {@link REFILL_MS}. */
const BURST = 20
const REFILL_MS = 3_000
/** Addresses remembered; beyond, those that failed longest ago are forgiven. */
const MAX_ADDRESSES = 10_000

interface Bucket {
  readonly failures: number
  readonly at: number
}

/**
 * Slows down those who guess: a leaky bucket of failures for each address (an IPv6 /64 counts as one,
 * for it is one customer's). Success costs nothing. Pure: time is an argument.
 */
export class FailureLimit {
  readonly #buckets = new Map<string, Bucket>()

  /** How long this address has to wait before it is listened to again; 0: not at all. */
  waitMs(address: string, now: number): number {
    const excess = this.#failures(keyOf(address), now) - BURST + 1
    return excess <= 0 ? 0 : Math.ceil(excess * REFILL_MS)
  }

  failed(address: string, now: number): void {
    const key = keyOf(address)
    const failures = Math.min(this.#failures(key, now) + 1, BURST + 1)
    // Taken out first, so that the map's order is that of the last failure.
    this.#buckets.delete(key)
    this.#buckets.set(key, { failures, at: now })
    if (this.#buckets.size > MAX_ADDRESSES) this.#forgetOldest()
  }

  #failures(key: string, now: number): number {
    const bucket = this.#buckets.get(key)
    if (!bucket) return 0
    return Math.max(0, bucket.failures - (now - bucket.at) / REFILL_MS)
  }

  #forgetOldest(): void {
    const { value } = this.#buckets.keys().next()
    if (value !== undefined) this.#buckets.delete(value)
  }
}

function keyOf(address: string): string {
  const bare = address.replace(/^::ffff:/, '').replace(/%.*$/, '')
  return isIPv6(bare) ? network(bare) : bare
}

/** The first four groups, `::` filled up. */
function network(address: string): string {
  const [head = '', tail] = address.split('::')
  const [left, right] = [groups(head), groups(tail ?? '')]
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const all = [...left, ...Array<string>(gap).fill('0'), ...right]
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')
}

const groups = (text: string) => (text === '' ? [] : text.split(':'))
