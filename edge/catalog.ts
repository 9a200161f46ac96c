import { createHash } from 'node:crypto'
import { formatPattern, type NamePattern } from '../names/pattern.ts'
import type { Requester } from '../policy/requester.ts'
import type { Catalog, CatalogEntry } from '../tunnel/control.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { Pass } from './gate/pass.ts'
import type { Publication } from './registry/directory.ts'

/** What a catalogue is made of; the registry and the policy answer. */
export interface CatalogSource {
  zones(): readonly string[]
  publications(): readonly Publication[]
  isHiddenFrom(who: Requester, entry: NamePattern, now: number): boolean
}

/** A client that is told which names are byname's. */
export interface Reader {
  readonly who: () => Requester | undefined
  readonly send: (catalog: Catalog) => void
}

export interface CataloguesOptions {
  readonly source: CatalogSource
  readonly clock: TunnelClock
  /** Changes come in bursts (a policy, a connector's two tunnels): told once after this pause. */
  readonly quietMs?: number
}

/** Tells every connected client its catalogue, at once when it comes and again when it changes. */
export class Catalogues {
  readonly #options: CataloguesOptions
  readonly #readers = new Map<Reader, string>()
  readonly #pass: Pass<Reader>
  #shelf: Shelf | undefined
  #revision = 0
  #isWaiting = false

  constructor(options: CataloguesOptions) {
    this.#options = options
    const items = () => this.#readers.keys()
    const visit = (reader: Reader) => this.#tell(reader)
    this.#pass = new Pass({ clock: options.clock, items, visit })
  }

  /** @returns the way to leave */
  enter(reader: Reader): () => void {
    this.#readers.set(reader, '')
    this.#tell(reader)
    return () => void this.#readers.delete(reader)
  }

  /** Names, connectors, the policy or what is known of people changed. */
  changed(): void {
    this.#shelf = undefined
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#options.clock.after(this.#options.quietMs ?? 20, () => {
      this.#isWaiting = false
      void this.#pass.start()
    })
  }

  #tell(reader: Reader): void {
    const who = reader.who()
    if (!who) return
    this.#shelf ??= shelve(this.#options.source)
    const { key, zones, entries } = this.#seenBy(who, this.#shelf)
    if (this.#readers.get(reader) === key) return
    this.#readers.set(reader, key)
    reader.send({ kind: 'catalog', revision: this.#nextRevision(), zones, entries })
  }

  /** The shelf less what is hidden from `who`; equal keys mean equal catalogues. */
  #seenBy(who: Requester, shelf: Shelf): Pick<Shelf, 'key' | 'zones' | 'entries'> {
    const { source, clock } = this.#options
    const now = clock.now()
    const isSeen = shelf.patterns.map((pattern) => !source.isHiddenFrom(who, pattern, now))
    if (!isSeen.includes(false)) return shelf
    const entries = shelf.entries.filter((_, at) => isSeen[at])
    const hidden = shelf.entries.filter((_, at) => !isSeen[at]).map(({ pattern }) => pattern)
    return { key: `${shelf.key} ${hidden.join(' ')}`, zones: shelf.zones, entries }
  }

  /** Rises over restarts of the edge as well, so that a client never takes an old one for newer. */
  #nextRevision(): number {
    this.#revision = Math.max(this.#revision + 1, this.#options.clock.now())
    return this.#revision
  }
}

/** What is in every catalogue, less what is hidden from its reader. */
interface Shelf {
  readonly key: string
  readonly zones: readonly string[]
  readonly entries: readonly CatalogEntry[]
  readonly patterns: readonly NamePattern[]
}

/** What a CATALOG may hold (SPEC.md §8): a client closes the tunnel over a longer one. */
const MOST = { zones: 256, entries: 8192, ports: 64 } as const

function shelve(source: CatalogSource): Shelf {
  const publications = source.publications().slice(0, MOST.entries)
  const entries = publications.map(({ pattern, ports }) => ({
    pattern: formatPattern(pattern),
    owned: true,
    ports: ports.slice(0, MOST.ports),
  }))
  const zones = source.zones().slice(0, MOST.zones)
  const key = createHash('sha256')
    .update(JSON.stringify([zones, entries]))
    .digest('hex')
  return { key, zones, entries, patterns: publications.map(({ pattern }) => pattern) }
}
