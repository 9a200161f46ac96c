import { SyntheticRange } from './range.ts'
import type { Taken } from './taken.ts'

/**
 * An IPv4 range and the IPv6 range beside it. Both are of one class, as browsers see it: pages on
 * `public` addresses reach them without asking; to `local` and `loopback` ones Chromium gates them.
 */
export interface RangePair {
  readonly class: 'public' | 'local' | 'loopback'
  readonly v4: SyntheticRange
  readonly v6?: SyntheticRange
}

/** For on-ramps without root: every address of it is this machine's already. IPv4 only. */
export const LOOPBACK_RANGE: RangePair = {
  class: 'loopback',
  v4: new SyntheticRange('127.80.0.0/16'),
}

export const SUBNET_OCTETS = 7

/**
 * The ranges to try, in order (run-measured.md §1). `subnet` are seven random octets made once and
 * kept: they pick the /64 of 2001:2::/48 (RFC 5180) and of the unique local prefix (RFC 4193).
 */
export function candidateRanges(subnet: Uint8Array): readonly RangePair[] {
  const hex = Buffer.from(subnet.subarray(0, SUBNET_OCTETS)).toString('hex').padEnd(14, '0')
  const benchmarking = new SyntheticRange(`2001:2:0:${hex.slice(0, 4)}::/64`)
  const local = `fd${hex.slice(4, 6)}:${hex.slice(6, 10)}:${hex.slice(10, 14)}::/64`
  return [
    { class: 'public', v4: new SyntheticRange('198.19.0.0/17'), v6: benchmarking },
    { class: 'public', v4: new SyntheticRange('198.18.128.0/17'), v6: benchmarking },
    { class: 'local', v4: new SyntheticRange('100.80.0.0/16'), v6: new SyntheticRange(local) },
  ]
}

/** What stood in the way of one candidate. */
export interface Passed {
  readonly range: RangePair
  readonly taken: Taken
}

export type RangeChoice =
  | { readonly kind: 'chosen'; readonly range: RangePair; readonly passed: readonly Passed[] }
  | { readonly kind: 'none'; readonly passed: readonly Passed[] }

/** The first candidate that meets no address or route of the machine; each passed one says why. */
export function chooseRange(
  candidates: readonly RangePair[],
  taken: readonly Taken[],
): RangeChoice {
  const passed: Passed[] = []
  for (const range of candidates) {
    const blocking = findOverlap(range, taken)
    if (blocking === undefined) return { kind: 'chosen', range, passed }
    passed.push({ range, taken: blocking })
  }
  return { kind: 'none', passed }
}

/** The first address or route that shares an address with either half of the pair. */
export function findOverlap(range: RangePair, taken: readonly Taken[]): Taken | undefined {
  return taken.find(
    ({ base, prefix }) => range.v4.meets(base, prefix) || range.v6?.meets(base, prefix),
  )
}
