import type { Log } from '../../process/log.ts'
import { Ownership } from '../../resolver/catalog.ts'
import type { Catalog } from '../../tunnel/control.ts'
import type { Profile } from '../profile.ts'
import { keepCatalog } from './kept-catalog.ts'

/** Which names are byname's: the edge's last CATALOG, in memory, on disk and told to whoever follows. */
export class KnownNames {
  readonly ownership: Ownership
  readonly #profile: Profile
  readonly #log: Log
  readonly #listeners = new Set<() => void>()
  #catalog: Catalog | undefined

  constructor(profile: Profile, kept: Catalog | undefined, log: Log) {
    this.ownership = new Ownership(kept ? { kept } : {})
    this.#profile = profile
    this.#catalog = kept
    this.#log = log
  }

  get catalog(): Catalog | undefined {
    return this.#catalog
  }

  /** `subject`: whose catalogue it is. */
  take(catalog: Catalog, subject: string): void {
    const { skipped } = this.ownership.update(catalog)
    if (skipped.length > 0) this.#log.warn({ event: 'catalog', skipped }, 'odd names skipped')
    this.#catalog = catalog
    this.#tell()
    keepCatalog(this.#profile, subject, catalog).catch((error: unknown) => {
      this.#log.warn({ event: 'catalog-not-kept', error }, 'the catalogue was not written')
    })
  }

  /** Signed out: names stay known, so that none of them leaks, and none is answered. */
  suspend(reason: string): void {
    this.ownership.suspend(reason)
    this.#tell()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
