import type { NamePattern } from '../../names/pattern.ts'
import type { Listing } from './directory.ts'
import { isGranted, type Offer, type RefusedOffer } from './offer.ts'

/** What the registry needs of a connector's enrolment. */
export interface Enrolled {
  readonly id: string
  readonly name: string
  readonly grants: readonly NamePattern[]
}

/** A connector's place at the table; each of its processes has tunnels and offers of its own. */
export interface Chair<Tunnel> {
  connector: Enrolled
  readonly instances: Map<string, Process<Tunnel>>
  known: readonly Offer[]
}

/** One connector process: it announces once for all its tunnels. */
export interface Process<Tunnel> {
  readonly tunnels: Set<Tunnel>
  offers: readonly Offer[]
  /** Undefined before its first announcement. */
  refused: readonly RefusedOffer[] | undefined
}

export const newProcess = <Tunnel>(): Process<Tunnel> => ({
  tunnels: new Set(),
  offers: [],
  refused: undefined,
})

export const tunnelsOf = <Tunnel>(chair: Chair<Tunnel>): Tunnel[] =>
  [...chair.instances.values()].flatMap(({ tunnels }) => [...tunnels])

export function listingsOf<Tunnel>(chair: Chair<Tunnel>): Listing<Tunnel>[] {
  const { id: connectorId, grants } = chair.connector
  const list = (offers: readonly Offer[], tunnels: ReadonlySet<Tunnel>) =>
    offers
      .filter((offer) => isGranted(offer.pattern, grants))
      .map((offer) => ({ connectorId, offer, tunnels }))
  const present = [...chair.instances.values()].flatMap((it) => list(it.offers, it.tunnels))
  return present.length > 0 ? present : list(chair.known, new Set())
}

export const liveTunnels = <Tunnel>(
  listings: readonly Listing<Tunnel>[],
  without: ReadonlySet<Tunnel>,
): Tunnel[] =>
  listings.flatMap(({ tunnels }) => [...tunnels].filter((tunnel) => !without.has(tunnel)))

/**
 * The lists of all, one item of each in turn: where not everything has room, a connector that offers
 * thousands of names leaves no other without.
 */
export function inTurns<Item>(lists: readonly (readonly Item[])[]): Item[] {
  const turns = lists.reduce((most, { length }) => Math.max(most, length), 0)
  const items: Item[] = []
  for (let turn = 0; turn < turns; turn++) {
    for (const list of lists) if (turn < list.length) items.push(list[turn] as Item)
  }
  return items
}
