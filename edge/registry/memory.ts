import { formatPattern } from '../../names/pattern.ts'
import type { Log } from '../../process/log.ts'
import type { AnnouncedApp } from '../../tunnel/control.ts'
import { Mirror } from '../store/mirror.ts'
import { overwrite } from '../store/overwrite.ts'
import { type Entry, type Json, STORE_LIMITS, type Store, StoreError } from '../store/store.ts'
import type { Offer } from './offer.ts'

const PREFIX = 'offers/'

interface Kept {
  readonly connectorId: string
  readonly apps: readonly AnnouncedApp[]
}

/**
 * What each connector offered last, kept over restarts of the edge: until it is back, its names are
 * known and `connector-down`, instead of no names at all.
 */
export class OfferMemory {
  readonly #store: Store
  readonly #log: Log
  #kept: Mirror<Kept> | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /**
   * Tells what each connector offered, and from then on what another edge of this store hears: a name
   * is published wherever its connector announces it.
   */
  async follow(told: (connectorId: string, apps: readonly AnnouncedApp[]) => void): Promise<void> {
    const parse = ({ key, value }: Entry): Kept => ({
      connectorId: key.slice(PREFIX.length),
      apps: value as unknown as readonly AnnouncedApp[],
    })
    this.#kept = await Mirror.open(this.#store, PREFIX, parse, (_, after) => {
      if (after) told(after.connectorId, after.apps)
    })
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

  /** Resolves when what waits is kept. */
  async close(): Promise<void> {
    await this.#kept?.close()
    await this.#writing
  }

  async #put(key: string, value: Json): Promise<void> {
    await overwrite(this.#store, key, value, { ephemeral: true })
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
