import { createHash } from 'node:crypto'
import type { Thumbprint } from '../../identity/key.ts'
import type { Person } from '../../identity/person.ts'
import type { Store } from '../store/store.ts'

/** A later end for the pointer than for what it points to does no harm, an earlier one would. */
const LONGER_MS = 60_000

/** Which session a person has on a device: `session-of/<digest>` holds its id. */
export class Pointer {
  readonly #store: Store
  readonly #key: string
  #revision: number | undefined

  constructor(store: Store, { issuer, subject }: Person, device: Thumbprint) {
    // Hashed as JSON, so that no two triples run together into one key.
    const whole = JSON.stringify([issuer, subject, device])
    this.#store = store
    this.#key = `session-of/${createHash('sha256').update(whole).digest('base64url')}`
  }

  async read(): Promise<string | undefined> {
    const entry = await this.#store.get(this.#key)
    this.#revision = entry?.revision
    return typeof entry?.value === 'string' ? entry.value : undefined
  }

  /** Writes over what {@link read} found; `false`: a rival was faster. */
  async write(id: string, sessionExpiresAt: number): Promise<boolean> {
    const options = { expiresAt: sessionExpiresAt + LONGER_MS }
    const result =
      this.#revision === undefined
        ? await this.#store.create(this.#key, id, options)
        : await this.#store.update(this.#key, id, this.#revision, options)
    return result.kind === 'written'
  }
}
