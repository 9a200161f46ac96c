import type { Hostname } from '../../names/hostname.ts'
import { formatPattern, type NamePattern } from '../../names/pattern.ts'
import { LabelTrie } from '../../names/trie.ts'
import type { PortRange } from '../../tunnel/control.ts'
import { holdsPort, type Offer } from './offer.ts'

/** One offer of one connector process; without tunnels when that connector is away. */
export interface Listing<Tunnel> {
  readonly connectorId: string
  readonly offer: Offer
  readonly tunnels: ReadonlySet<Tunnel>
}

/** All that the clients of this edge may see of one pattern: the ports of all who offer it. */
export interface Publication {
  readonly pattern: NamePattern
  readonly ports: readonly PortRange[]
}

export type Listed<Tunnel> =
  | { readonly kind: 'no-such-name' }
  | { readonly kind: 'not-published' }
  | { readonly kind: 'listed'; readonly listings: readonly Listing<Tunnel>[] }

/** Who offers which name: built whole after a change, then only read. */
export class Directory<Tunnel> {
  readonly #byName = new LabelTrie<Listing<Tunnel>>()
  readonly #publications = new Map<string, Publication>()

  constructor(listings: Iterable<Listing<Tunnel>>) {
    for (const listing of listings) {
      this.#byName.add(listing.offer.pattern, listing)
      this.#publish(listing.offer)
    }
  }

  /**
   * Those who offer `name` on the port. Only the most specific pattern counts, even when nobody who
   * offers it is there: `git.corp.internal` must not fall to whoever has `*.corp.internal`.
   */
  find(name: Hostname, port: number, protocol: PortRange['protocol']): Listed<Tunnel> {
    const nearest = this.nearest(name)
    if (nearest.length === 0) return { kind: 'no-such-name' }
    const listings = nearest.filter(({ offer }) => holdsPort(offer.ports, port, protocol))
    return listings.length > 0 ? { kind: 'listed', listings } : { kind: 'not-published' }
  }

  /** Every listing under the most specific pattern that covers `name`, on any port. */
  nearest(name: Hostname): readonly Listing<Tunnel>[] {
    const found = this.#byName.find(name)
    const best = found[0]?.offer.pattern
    return best ? found.filter(({ offer }) => isSame(offer.pattern, best)) : []
  }

  /** Every listing that covers name and port, under whatever pattern. */
  covering(name: Hostname, port: number, protocol: PortRange['protocol']): Listing<Tunnel>[] {
    return this.#byName.find(name).filter(({ offer }) => holdsPort(offer.ports, port, protocol))
  }

  publications(): Iterable<Publication> {
    return this.#publications.values()
  }

  #publish({ pattern, ports }: Offer): void {
    const key = formatPattern(pattern)
    const before = this.#publications.get(key)?.ports ?? []
    const fresh = ports.filter((range) => !before.some((other) => isSameRange(other, range)))
    this.#publications.set(key, { pattern, ports: [...before, ...fresh] })
  }
}

const isSame = (a: NamePattern, b: NamePattern) => a.kind === b.kind && a.base === b.base

const isSameRange = (a: PortRange, b: PortRange) =>
  a.from === b.from && a.to === b.to && a.protocol === b.protocol
