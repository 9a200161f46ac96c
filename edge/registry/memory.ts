import { formatPattern } from '../../names/pattern.ts'
import type { Log } from '../../process/log.ts'
import type { AnnouncedApp } from '../../tunnel/control.ts'
import { type Json, STORE_LIMITS, type Store, StoreError } from '../store/store.ts'
import type { Offer } from './offer.ts'

const PREFIX = 'offers/'

/**
 * What each connector offered last, kept over restarts of the edge: until it is back, its names are
 * known and `connector-down`, instead of no names at all.
 */
export class OfferMemory {
  readonly #store: Store
  readonly #log: Log
  #writing: Promise<void> = Promise.resolve()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Connector id → what it offered. */
  async recall(): Promise<Map<string, readonly AnnouncedApp[]>> {
    const known = new Map<string, readonly AnnouncedApp[]>()
    for (let after = PREFIX; ; ) {
      const page = await this.#store.list(PREFIX, { after })
      for (const { key, value } of page) {
        known.set(key.slice(PREFIX.length), value as unknown as readonly AnnouncedApp[])
      }
      const last = page.at(-1)
      if (!last) return known
      after = last.key
    }
  }

  /** One write after the other, so that the last word stays. */
  keep(connectorId: string, offers: readonly Offer[]): void {
    this.#writing = this.#writing
      .then(() => this.#put(PREFIX + connectorId, fitting(offers)))
      .catch((error) => this.#complain(error))
  }

  forget(connectorId: string): void {
    this.#writing = this.#writing
      .then(async () => void (await this.#store.delete(PREFIX + connectorId)))
      .catch((error) => this.#complain(error))
  }

  flush(): Promise<void> {
    return this.#writing
  }

  /** Another edge on the same store may have written meanwhile: what came last is as good. */
  async #put(key: string, value: Json): Promise<void> {
    const options = { ephemeral: true }
    for (let tries = 0; tries < 5; tries++) {
      const entry = await this.#store.get(key)
      const { kind } = entry
        ? await this.#store.update(key, value, entry.revision, options)
        : await this.#store.create(key, value, options)
      if (kind === 'written') return
    }
  }

  #complain(error: unknown): void {
    if (error instanceof StoreError && error.code === 'ERR_STORE_CLOSED') return
    this.#log.warn({ event: 'offers-not-kept', err: error }, 'what a connector offers was not kept')
  }
}

/** As many offers as one value of the store holds; more come back with the connector itself. */
function fitting(offers: readonly Offer[]): Json {
  const apps: Json[] = []
  let bytes = 2
  for (const { pattern, ports, fixedTo } of offers) {
    const app = { pattern: formatPattern(pattern), ports, fixedTo, health: 'unknown' }
    bytes += Buffer.byteLength(JSON.stringify(app)) + 1
    if (bytes > STORE_LIMITS.valueBytes) break
    apps.push(app as unknown as Json)
  }
  return apps
}
