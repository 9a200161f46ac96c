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
import { Departed } from './registry/departed.ts'
import { Directory, type Listing, type Publication } from './registry/directory.ts'
import { isSameOffer, type Offer, type SortedOffers, sortOffers } from './registry/offer.ts'

export type { Enrolled }

export type Picked<Tunnel> =
  | { readonly kind: 'picked'; readonly tunnel: Tunnel; readonly connector: Enrolled }
  | { readonly kind: 'no-such-name' | 'not-published' | 'connector-down' }

/** `not-here`: it has no tunnel at this edge, or has not said yet what it offers. */
export type PickedInstance<Tunnel> =
  | { readonly kind: 'picked'; readonly tunnel: Tunnel; readonly connector: Enrolled }
  | { readonly kind: 'not-here' | 'not-published' }

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
  /** Whose process it is that goes by that name. */
  readonly #instances = new Map<string, Chair<Tunnel>>()
  readonly #sitting = new Map<Tunnel, { chair: Chair<Tunnel>; instance: string }>()
  readonly #departed = new Departed()
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
      for (const instance of chair.instances.keys()) this.#instances.delete(instance)
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
    this.#departed.delete(instance)
    if (instance.startsWith(`${connectorId}.`)) this.#instances.set(instance, chair)
    this.#sitting.set(tunnel, { chair, instance })
    return true
  }

  /** `isClosed`: the other side closed the connection, or its system did. */
  detach(tunnel: Tunnel, isClosed = false): void {
    const seat = this.#sitting.get(tunnel)
    if (!seat) return
    this.#sitting.delete(tunnel)
    const { instances } = seat.chair
    const process = instances.get(seat.instance)
    process?.tunnels.delete(tunnel)
    if (process?.tunnels.size !== 0) return
    instances.delete(seat.instance)
    this.#instances.delete(seat.instance)
    if (isClosed) this.#departed.add(seat.instance)
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

  /** What a connector that is not here offered last, before this edge started or at another. */
  recall(connectorId: string, apps: readonly AnnouncedApp[]): void {
    const chair = this.#chairs.get(connectorId)
    if (!chair || chair.instances.size > 0) return
    const { accepted } = sortOffers(apps, chair.connector.grants)
    if (isSameOffer(chair.known, accepted)) return
    chair.known = accepted
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

  /**
   * That process has ended, as far as can be seen: the system closed its connections, or another
   * process of the same connector is here and it is not. Nobody can give its flows back.
   */
  isGone(instance: string): boolean {
    if (this.#instances.has(instance)) return false
    const id = instance.slice(0, Math.max(0, instance.lastIndexOf('.')))
    return this.#departed.has(instance) || (this.#chairs.get(id)?.instances.size ?? 0) > 0
  }

  /** That process is here, and has said what it offers. */
  hasAnnounced(instance: string): boolean {
    return this.#instances.get(instance)?.instances.get(instance)?.refused !== undefined
  }

  /**
   * A tunnel of that very process, for a flow that it holds: the names of processes begin with their
   * connector's id, so that no other connector can be meant.
   */
  pickInstance(
    instance: string,
    name: Hostname,
    port: number,
    protocol: PortRange['protocol'],
    without: ReadonlySet<Tunnel> = new Set(),
  ): PickedInstance<Tunnel> {
    const chair = this.#instances.get(instance)
    const process = chair?.instances.get(instance)
    if (!chair || !process) return { kind: 'not-here' }
    const { connector } = chair
    if (!this.serves(connector.id, name, port, protocol)) {
      return { kind: process.refused ? 'not-published' : 'not-here' }
    }
    const tunnel = this.#lessLoaded([...process.tunnels].filter((each) => !without.has(each)))
    return tunnel ? { kind: 'picked', tunnel, connector } : { kind: 'not-here' }
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
    const tunnel = this.#lessLoaded(tunnels.length > 0 ? tunnels : liveTunnels(listings, without))
    const connector = tunnel && this.connectorOf(tunnel)
    return tunnel && connector ? { kind: 'picked', tunnel, connector } : { kind: 'connector-down' }
  }

  /** A tunnel in doubt may be dead already: it gets nothing while there is another. */
  #lessLoaded(tunnels: readonly Tunnel[]): Tunnel | undefined {
    const { random } = this.#options
    if (tunnels.length < 2) return tunnels[0]
    const sure = tunnels.filter((tunnel) => !tunnel.isInDoubt)
    return lessLoadedOfTwo(sure.length > 0 ? sure : tunnels, random)
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
