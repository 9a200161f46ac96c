import { findHostname, type Hostname } from '../names/hostname.ts'
import { formatPattern, type NamePattern, readPattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'

/** What the edge tells a client about names (the CATALOG message, as far as the resolver needs it). */
export interface Catalog {
  readonly zones: readonly string[]
  readonly entries: readonly CatalogEntry[]
}

/** `blockedBy`: the rule that blocks it for this person everywhere, where the admin set `dns-block`. */
export interface CatalogEntry {
  readonly pattern: string
  readonly owned: boolean
  readonly ports: readonly PublishedPorts[]
  readonly blockedBy?: string
}

/** One port (`from` = `to`) or a range of them. */
export interface PublishedPorts {
  readonly from: number
  readonly to: number
  readonly protocol: 'tcp' | 'udp'
}

/**
 * Whose a name is. `owned`: ours, answered with a synthetic address; `wildcard` says that the name
 * itself is not listed, only a pattern over it. `empty`: the apex of a zone or a name that only has
 * names below it (NODATA). `absent`: inside a zone, but in no catalogue (NXDOMAIN, never asked of
 * anybody). `not-yet`: ours, but without a valid catalogue (SERVFAIL). `not-ours`: other resolvers'.
 */
export type Whose =
  | Owned
  | { readonly kind: 'blocked'; readonly rule: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'not-ours' }
  | { readonly kind: 'not-yet'; readonly why: string }

export interface Owned {
  readonly kind: 'owned'
  readonly ports: readonly PublishedPorts[]
  readonly wildcard: boolean
  /** The pattern it was found by, as text: what a wildcard app's leases are counted under. */
  readonly app: string
}

/** `fallThrough`: names of a zone that no catalogue has go to the other resolvers after all. */
export interface OwnershipOptions {
  /** The catalogue kept from the last run; it answers until the edge sends a newer one. */
  readonly kept?: Catalog
  readonly fallThrough?: boolean
}

/**
 * Which names are byname's, for this person, now. Answers from the last catalogue alone, without a
 * round trip; the most specific entry wins (resolver.md, "Which names are ours").
 */
export class Ownership {
  readonly #fallThrough: boolean
  /** Names that were looked up in this table, the hot path of the resolver; bounded. */
  readonly #found = new Map<Hostname, Whose>()
  #table: Table = emptyTable()
  #suspended: { kind: 'not-yet'; why: string } | undefined

  constructor(options: OwnershipOptions = {}) {
    this.#fallThrough = options.fallThrough ?? false
    if (options.kept) this.update(options.kept)
  }

  /** Takes a new catalogue whole, or leaves the old one. Returns the texts that were no patterns. */
  update(catalog: Catalog): { skipped: string[] } {
    const { table, skipped } = readCatalog(catalog)
    this.#table = table
    this.#found.clear()
    this.#suspended = undefined
    return { skipped }
  }

  /** Signed out, say: known names stay known, but none gets an address until the next `update`. */
  suspend(why: string): void {
    this.#suspended = { kind: 'not-yet', why }
  }

  find(name: Hostname): Whose {
    const found = this.#found.get(name) ?? this.#lookUp(name)
    return this.#suspended && found.kind !== 'not-ours' ? this.#suspended : found
  }

  /**
   * Whether a name that is no hostname (a dot, a space, a NUL in a label) and whose longest valid
   * tail is `tail` lies where only byname answers, so that it must not be asked of anybody else.
   */
  guards(tail: Hostname): boolean {
    if (this.#zoneOf(tail) !== undefined) return !this.#fallThrough
    return this.#table.bases.find(tail).length > 0
  }

  /** The zone a name lies in: the owner of the SOA in a negative answer. */
  zoneOf(name: Hostname): Hostname | undefined {
    return this.#zoneOf(name)
  }

  /** Every entry that is owned: what an on-ramp with a listener a port must listen on. */
  owned(): readonly { readonly pattern: NamePattern; readonly owned: Owned }[] {
    return this.#table.owned
  }

  #lookUp(name: Hostname): Whose {
    const found = this.#search(name)
    if (this.#found.size >= MAX_FOUND) this.#found.clear()
    this.#found.set(name, found)
    return found
  }

  #search(name: Hostname): Whose {
    const best = this.#table.entries.find(name)[0]
    if (best && best.kind !== 'not-owned') return best
    const zone = this.#zoneOf(name)
    if (zone === undefined) return NOT_OURS
    if (name === zone || (!best && this.#table.below.hasAtOrBelow(name))) return EMPTY
    return this.#fallThrough ? NOT_OURS : ABSENT
  }

  #zoneOf(name: Hostname): Hostname | undefined {
    return this.#table.zones.find(name)[0]
  }
}

const MAX_FOUND = 4096
const NOT_OURS = { kind: 'not-ours' } as const
const EMPTY = { kind: 'empty' } as const
const ABSENT = { kind: 'absent' } as const

type Entry = Owned | { readonly kind: 'blocked'; readonly rule: string } | { kind: 'not-owned' }

interface Table {
  readonly zones: LabelTrie<Hostname>
  readonly entries: LabelTrie<Entry>
  /** Owned names and zones only: an unlisted name must not show by making its parent exist. */
  readonly below: LabelTrie<true>
  /** The owned patterns over more than one name, as domains: where odd names must not leak. */
  readonly bases: LabelTrie<true>
  readonly owned: { readonly pattern: NamePattern; readonly owned: Owned }[]
}

function emptyTable(): Table {
  return {
    zones: new LabelTrie(),
    entries: new LabelTrie(),
    below: new LabelTrie(),
    bases: new LabelTrie(),
    owned: [],
  }
}

function readCatalog(catalog: Catalog): { table: Table; skipped: string[] } {
  const table = emptyTable()
  const skipped: string[] = []
  for (const text of catalog.zones) {
    const zone = findHostname(text)
    if (zone) addZone(table, zone)
    else skipped.push(text)
  }
  for (const entry of catalog.entries) {
    const read = readPattern(entry.pattern)
    if (read.kind === 'pattern') addEntry(table, read.pattern, entry)
    else skipped.push(entry.pattern)
  }
  return { table, skipped }
}

function addZone(table: Table, zone: Hostname): void {
  table.zones.add({ kind: 'domain', base: zone }, zone)
  table.below.add({ kind: 'host', base: zone }, true)
}

function addEntry(table: Table, pattern: NamePattern, entry: CatalogEntry): void {
  const value = entryOf(pattern, entry)
  table.entries.add(pattern, value)
  if (value.kind === 'not-owned') return
  table.below.add(pattern, true)
  if (pattern.kind !== 'host') table.bases.add({ kind: 'domain', base: pattern.base }, true)
  if (value.kind === 'owned') table.owned.push({ pattern, owned: value })
}

function entryOf(pattern: NamePattern, entry: CatalogEntry): Entry {
  if (!entry.owned) return { kind: 'not-owned' }
  if (entry.blockedBy !== undefined) return { kind: 'blocked', rule: entry.blockedBy }
  const wildcard = pattern.kind !== 'host'
  return { kind: 'owned', ports: entry.ports, wildcard, app: formatPattern(pattern) }
}

/** Whether a catalogue's ports include this one. */
export function publishes(
  ports: readonly PublishedPorts[],
  port: number,
  protocol: 'tcp' | 'udp',
): boolean {
  return ports.some((some) => some.protocol === protocol && some.from <= port && port <= some.to)
}
