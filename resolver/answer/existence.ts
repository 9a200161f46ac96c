import type { Hostname } from '../../names/hostname.ts'
import type { Resolved } from '../dns/lookup.ts'

const MAX_NAMES = 4096

/**
 * How long what a connector said about a name is believed, in seconds: the real TTL within these
 * bounds. A name that was just made must appear soon; one that exists need not be asked often.
 */
const EXISTS_SECONDS = { min: 30, max: 3600 } as const
const ABSENT_SECONDS = { min: 5, max: 60 } as const

export type Known = 'exists' | 'absent' | 'no-data'

/**
 * Which names under a wildcard exist where the traffic leaves, as the connector said when it was
 * asked. Bounded; the oldest knowledge goes first.
 */
export class Existence {
  readonly #names = new Map<Hostname, { readonly known: Known; readonly until: number }>()

  find(name: Hostname, now: number): Known | undefined {
    const entry = this.#names.get(name)
    return entry && now < entry.until ? entry.known : undefined
  }

  /** Keeps what was said, unless it says nothing about the name (`failed`). */
  learn(name: Hostname, { kind, ttlSeconds }: Resolved, now: number): void {
    if (kind === 'failed') return
    // Refused by the gate: it gets its address, and the gate says why when the connection comes.
    const known = kind === 'refused' ? 'exists' : kind
    const bounds = kind === 'exists' ? EXISTS_SECONDS : ABSENT_SECONDS
    const seconds = Math.min(bounds.max, Math.max(bounds.min, ttlSeconds))
    this.#names.delete(name)
    this.#names.set(name, { known, until: now + seconds * 1000 })
    const [oldest] = this.#names.keys()
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest)
  }
}
