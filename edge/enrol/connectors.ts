import { readPublicJwk } from '../../identity/key.ts'
import { formatPattern, parsePattern } from '../../names/pattern.ts'
import { makeAudit } from '../audit.ts'
import { Mirror } from '../store/mirror.ts'
import type { Entry, Json, Store } from '../store/store.ts'
import type { ConnectorRecord, Connectors } from './connector.ts'

/** Where connectors rest: `connector/<id>`. A revoked one stays, so that its name is never anew. */
const CONNECTORS = 'connector/'

type Listener = (record: ConnectorRecord) => void

/** @throws {StoreError} */
export async function openConnectors(store: Store, now: () => number): Promise<Connectors> {
  const listeners = new Set<Listener>()
  const mirror = await Mirror.open(store, CONNECTORS, parseRecord, (before, after) => {
    // A record that vanished from the store is one that may do nothing any more.
    const told = after ?? (before && { ...before, revokedAt: before.revokedAt ?? now() })
    if (told) for (const listener of listeners) listener(told)
  })
  return new StoredConnectors(store, now, mirror, listeners)
}

/** Keeps a new connector. `false`: the id is taken. */
export async function createConnector(store: Store, record: ConnectorRecord): Promise<boolean> {
  const result = await store.create(CONNECTORS + record.id, encodeRecord(record))
  return result.kind === 'written'
}

export async function readConnector(
  store: Store,
  id: string,
): Promise<ConnectorRecord | undefined> {
  const entry = await store.get(CONNECTORS + id)
  return entry && parseRecord(entry)
}

class StoredConnectors implements Connectors {
  readonly #store: Store
  readonly #now: () => number
  readonly #mirror: Mirror<ConnectorRecord>
  readonly #listeners: Set<Listener>

  constructor(
    store: Store,
    now: () => number,
    mirror: Mirror<ConnectorRecord>,
    listeners: Set<Listener>,
  ) {
    this.#store = store
    this.#now = now
    this.#mirror = mirror
    this.#listeners = listeners
  }

  find(id: string): ConnectorRecord | undefined {
    return this.#mirror.get(id)
  }

  async fetch(id: string): Promise<ConnectorRecord | undefined> {
    const known = this.find(id)
    if (known) return known
    const entry = await this.#store.get(CONNECTORS + id)
    if (entry) this.#mirror.apply(entry)
    return entry && parseRecord(entry)
  }

  list(): ConnectorRecord[] {
    return this.#mirror.values().sort((a, b) => a.enrolledAt - b.enrolledAt)
  }

  async revoke(id: string, { by }: { readonly by: string }): Promise<boolean> {
    for (;;) {
      const entry = await this.#store.get(CONNECTORS + id)
      const record = entry && parseRecord(entry)
      if (!entry || !record || record.revokedAt !== undefined) return false
      const value = encodeRecord({ ...record, revokedAt: this.#now() })
      const result = await this.#store.update(entry.key, value, entry.revision)
      if (result.kind === 'conflict') continue
      this.#mirror.apply({ key: entry.key, value, revision: result.revision })
      const event = { event: 'connector-revoked', connectorId: id, name: record.name } as const
      await makeAudit(this.#store)(event, { by })
      return true
    }
  }

  onChanged(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return this.#mirror.close()
  }
}

function encodeRecord({ id: _, grants, ...facts }: ConnectorRecord): Json {
  return { ...facts, grants: grants.map(formatPattern) } as unknown as Json
}

/** What {@link encodeRecord} wrote; `undefined` for anything else, which then counts as no connector. */
function parseRecord({ key, value }: Entry): ConnectorRecord | undefined {
  const { name, grants, publicJwk, enrolledAt, revokedAt } = (value ?? {}) as Record<string, Json>
  if (typeof name !== 'string' || !Array.isArray(grants)) return undefined
  if (typeof enrolledAt !== 'number') return undefined
  try {
    return {
      id: key.slice(CONNECTORS.length),
      name,
      grants: grants.map((grant) => parsePattern(String(grant))),
      publicJwk: readPublicJwk(publicJwk),
      enrolledAt,
      ...(typeof revokedAt === 'number' ? { revokedAt } : {}),
    }
  } catch {
    return undefined
  }
}
