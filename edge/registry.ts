import type { Hostname } from '../names/hostname.ts'
import type { NamePattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'
import type { AnnouncedApp, PortRange } from '../tunnel/control.ts'
import {
  type Chair,
  type Enrolled,
  inTurns,
  listingsOf,
  liveTunnels,
  newProcess,
  tunnelsOf,
} from './registry/chair.ts'
import { type Carrier, lessLoadedOfTwo } from './registry/choice.ts'
import { Directory, type Listing, type Publication } from './registry/directory.ts'
import { isSameOffer, type Offer, type SortedOffers, sortOffers } from './registry/offer.ts'

export type { Enrolled }

export type Picked<Tunnel> =
  | { readonly kind: 'picked'; readonly tunnel: Tunnel; readonly connector: Enrolled }
  | { readonly kind: 'no-such-name' | 'not-published' | 'connector-down' }

/** `isNews`: this process has not said so before, so that somebody should hear of it. */
export interface Announced extends SortedOffers {
  readonly isNews: boolean
}

export interface Seat<Tunnel> {
  readonly connector: Enrolled
  readonly offers: readonly Offer[]
  readonly tunnels: readonly Tunnel[]
}

export interface RegistryOptions {
  /** Private whether or not any connector is granted them. */
  readonly zones: readonly Hostname[]
  /** Gives [0, 1). */
  readonly random: () => number
  /** Names, ports or owners of names have changed. */
  readonly changed: () => void
}

/**
 * Which connectors there are, what each offers and over which tunnels it can be reached. What a
 * connector offered last is kept while it is away, so that its names do not vanish with it.
 */
export class Registry<Tunnel extends Carrier> {
  readonly #options: RegistryOptions
  readonly #chairs = new Map<string, Chair<Tunnel>>()
  readonly #sitting = new Map<Tunnel, { chair: Chair<Tunnel>; instance: string }>()
  #directory: Directory<Tunnel> | undefined
  #privates: LabelTrie<true> | undefined

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** Takes the whole list of enrolled connectors. @returns the tunnels of those that are gone */
  enrol(connectors: readonly Enrolled[]): readonly Tunnel[] {
    const fresh = new Map(connectors.map((connector) => [connector.id, connector]))
    const orphans: Tunnel[] = []
    for (const [id, chair] of this.#chairs) {
      if (fresh.has(id)) continue
      orphans.push(...tunnelsOf(chair))
      this.#chairs.delete(id)
    }
    for (const tunnel of orphans) this.#sitting.delete(tunnel)
    for (const connector of connectors) this.#seat(connector)
    this.#touch(true)
    return orphans
  }

  findConnector(id: string): Enrolled | undefined {
    return this.#chairs.get(id)?.connector
  }

  /** Which connector a tunnel is of. */
  connectorOf(tunnel: Tunnel): Enrolled | undefined {
    return this.#sitting.get(tunnel)?.chair.connector
  }

  /** @returns false when the connector is not enrolled (any more): close the tunnel */
  attach(connectorId: string, instance: string, tunnel: Tunnel): boolean {
    const chair = this.#chairs.get(connectorId)
    if (!chair) return false
    const process = chair.instances.get(instance) ?? newProcess<Tunnel>()
    process.tunnels.add(tunnel)
    chair.instances.set(instance, process)
    this.#sitting.set(tunnel, { chair, instance })
    return true
  }

  detach(tunnel: Tunnel): void {
    const seat = this.#sitting.get(tunnel)
    if (!seat) return
    this.#sitting.delete(tunnel)
    const { instances } = seat.chair
    const process = instances.get(seat.instance)
    process?.tunnels.delete(tunnel)
    if (process?.tunnels.size !== 0) return
    instances.delete(seat.instance)
    this.#touch(!isSameOffer(process.offers, seat.chair.known))
  }

  /** What the process at the other end of `tunnel` offers from now on, over all its tunnels. */
  announce(tunnel: Tunnel, apps: readonly AnnouncedApp[]): Announced {
    const seat = this.#sitting.get(tunnel)
    const process = seat?.chair.instances.get(seat.instance)
    if (!seat || !process) return { accepted: [], refused: [], isNews: false }
    const { accepted, refused } = sortOffers(apps, seat.chair.connector.grants)
    const before = [process.offers, seat.chair.known]
    const areNamesNew = before.some((offers) => !isSameOffer(offers, accepted))
    const isNews = areNamesNew || JSON.stringify(process.refused) !== JSON.stringify(refused)
    process.offers = accepted
    process.refused = refused
    seat.chair.known = accepted
    this.#touch(areNamesNew)
    return { accepted, refused, isNews }
  }

  /** What a connector offered before this edge started. */
  recall(connectorId: string, apps: readonly AnnouncedApp[]): void {
    const chair = this.#chairs.get(connectorId)
    if (!chair || chair.known.length > 0) return
    chair.known = sortOffers(apps, chair.connector.grants).accepted
    this.#touch(true)
  }

  isPrivate(name: Hostname): boolean {
    this.#privates ??= this.#buildPrivates()
    return this.#privates.find(name).length > 0
  }

  isPublished(name: Hostname, port: number, protocol: PortRange['protocol']): boolean {
    return this.#names().find(name, port, protocol).kind === 'listed'
  }

  /** Whether anybody offers `name` on any port. */
  exists(name: Hostname): boolean {
    return this.#names().nearest(name).length > 0
  }

  /**
   * Whether that connector (still) offers the name and port. A more specific offer of another draws
   * new flows to itself, it does not end those that are there.
   */
  serves(
    connectorId: string,
    name: Hostname,
    port: number,
    protocol: PortRange['protocol'],
  ): boolean {
    const covering = this.#names().covering(name, port, protocol)
    return covering.some((listing) => listing.connectorId === connectorId)
  }

  /** A tunnel for a flow. `without`: tunnels that turned out to be gone. */
  pick(
    name: Hostname,
    port: number,
    protocol: PortRange['protocol'],
    without: ReadonlySet<Tunnel> = new Set(),
  ): Picked<Tunnel> {
    const found = this.#names().find(name, port, protocol)
    return found.kind === 'listed' ? this.#choose(found.listings, without) : found
  }

  /** A tunnel for a question about the name, whatever its ports. */
  pickForQuestion(name: Hostname): Picked<Tunnel> {
    const listings = this.#names().nearest(name)
    return listings.length > 0 ? this.#choose(listings, new Set()) : { kind: 'no-such-name' }
  }

  /** The zones that are owned whole, without doubles. */
  zones(): readonly Hostname[] {
    const granted = this.#grants().filter((grant) => grant.kind === 'domain')
    return [...new Set([...this.#options.zones, ...granted.map((grant) => grant.base)])].sort()
  }

  publications(): readonly Publication[] {
    return [...this.#names().publications()]
  }

  seats(): readonly Seat<Tunnel>[] {
    return [...this.#chairs.values()].map((chair) => ({
      connector: chair.connector,
      offers: chair.known,
      tunnels: tunnelsOf(chair),
    }))
  }

  #seat(connector: Enrolled): void {
    const chair = this.#chairs.get(connector.id)
    if (chair) chair.connector = connector
    else this.#chairs.set(connector.id, { connector, instances: new Map(), known: [] })
  }

  #choose(listings: readonly Listing<Tunnel>[], without: ReadonlySet<Tunnel>): Picked<Tunnel> {
    const sound = listings.filter(({ offer }) => offer.health !== 'failing')
    const tunnels = liveTunnels(sound, without)
    const some = tunnels.length > 0 ? tunnels : liveTunnels(listings, without)
    const tunnel = lessLoadedOfTwo(some, this.#options.random)
    const connector = tunnel && this.connectorOf(tunnel)
    return tunnel && connector ? { kind: 'picked', tunnel, connector } : { kind: 'connector-down' }
  }

  /** Tunnels come and go all the time: whoever waits for changes wants those of names only. */
  #touch(areNamesNew: boolean): void {
    this.#directory = undefined
    if (!areNamesNew) return
    this.#privates = undefined
    this.#options.changed()
  }

  #names(): Directory<Tunnel> {
    this.#directory ??= new Directory(inTurns([...this.#chairs.values()].map(listingsOf)))
    return this.#directory
  }

  #grants(): readonly NamePattern[] {
    return [...this.#chairs.values()].flatMap(({ connector }) => connector.grants)
  }

  #buildPrivates(): LabelTrie<true> {
    const trie = new LabelTrie<true>()
    for (const base of this.#options.zones) trie.add({ kind: 'domain', base }, true)
    for (const grant of this.#grants()) trie.add(grant, true)
    return trie
  }
}
