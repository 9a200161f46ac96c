import { createHash } from 'node:crypto'
import { type Hostname, isWithin } from '../names/hostname.ts'
import { formatPattern, type NamePattern } from '../names/pattern.ts'
import type { Requester } from '../policy/requester.ts'
import type { Catalog, CatalogEntry } from '../tunnel/control.ts'
import { MAX_CONTROL_BYTES } from '../tunnel/frames/frame.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { Pass } from './gate/pass.ts'
import type { Publication } from './registry/directory.ts'

/** What a catalogue is made of; the registry and the policy answer. */
export interface CatalogSource {
  zones(): readonly Hostname[]
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

  /**
   * The shelf less what is hidden from `who`; equal keys mean equal catalogues. The key is of what is
   * seen alone: a catalogue that is told again unchanged would tell that something hidden changed.
   */
  #seenBy(who: Requester, shelf: Shelf): Pick<Shelf, 'key' | 'zones' | 'entries'> {
    const { source, clock } = this.#options
    const now = clock.now()
    const isSeen = shelf.patterns.map((pattern) => !source.isHiddenFrom(who, pattern, now))
    const seen = shelf.patterns.filter((_, at) => isSeen[at])
    // A grant of an unlisted app's own domain makes a zone of its name.
    const isShown = (base: Hostname) =>
      !source.isHiddenFrom(who, { kind: 'host', base }, now) ||
      seen.some((pattern) => isWithin(pattern.base, base))
    const zones = shelf.zones.filter(isShown)
    if (seen.length === isSeen.length && zones.length === shelf.zones.length) return shelf
    const entries = shelf.entries.filter((_, at) => isSeen[at])
    return { key: hashOf([zones, entries]), zones, entries }
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
  readonly zones: readonly Hostname[]
  readonly entries: readonly CatalogEntry[]
  readonly patterns: readonly NamePattern[]
}

/** What a CATALOG may hold (SPEC.md §8): a client closes the tunnel over a longer one. */
const MOST = { zones: 256, entries: 8192, ports: 64, bytes: MAX_CONTROL_BYTES - 1024 } as const

function shelve(source: CatalogSource): Shelf {
  const zones = source.zones().slice(0, MOST.zones)
  const fitting = fit(source.publications(), MOST.bytes - Buffer.byteLength(JSON.stringify(zones)))
  const entries = fitting.map(({ entry }) => entry)
  const key = hashOf([zones, entries])
  return { key, zones, entries, patterns: fitting.map(({ pattern }) => pattern) }
}

/** As many as one frame holds: what connectors may announce together is much more than that. */
function fit(publications: readonly Publication[], maxBytes: number) {
  const fitting: { readonly entry: CatalogEntry; readonly pattern: NamePattern }[] = []
  let bytes = 0
  for (const { pattern, ports } of publications.slice(0, MOST.entries)) {
    const some = ports.slice(0, MOST.ports)
    const entry = { pattern: formatPattern(pattern), owned: true, ports: some }
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1
    if (bytes > maxBytes) break
    fitting.push({ entry, pattern })
  }
  return fitting
}

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')
