import type { Hostname } from '../names/hostname.ts'
import type { Ownership } from './catalog.ts'
import type { Upstream } from './dns/forward.ts'
import type { Resolved } from './dns/lookup.ts'
import type { Leases } from './leases.ts'

export type Via = 'udp' | 'tcp'

/** A DNS message to send back, or `undefined` for silence. */
export type Answer = Uint8Array | undefined

/** At once where nobody has to be asked; `await` takes both. */
export type AnswerOrLater = Answer | Promise<Answer>

export interface Resolver {
  /** One DNS query message in, one answer out. Never throws, never rejects. */
  answer(query: Uint8Array, via: Via): AnswerOrLater
  /** The name that a synthetic address was given to; marks its lease as used. IPv4-mapped is fine. */
  nameAt(address: string): Hostname | undefined
}

export interface ResolverOptions {
  readonly ownership: Ownership
  readonly leases: Leases
  /**
   * Asks the real DNS where the traffic leaves: RESOLVE over the tunnel. `type` is a mnemonic
   * (`SRV`, `MX`, …, `TYPE65280`). Type `A` asks whether what the dial would use exists, whatever its
   * family; no records are expected then. A rejection means that nobody could be asked.
   */
  readonly askConnector: (name: Hostname, type: string) => Promise<Resolved>
  /** The machine's other resolvers; left out, names that are not ours do not exist (strict mode). */
  readonly upstream?: Upstream | undefined
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}
