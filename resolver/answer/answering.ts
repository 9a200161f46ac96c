import type { Hostname } from '../../names/hostname.ts'
import type { Owned, Ownership } from '../catalog.ts'
import type { Reply } from '../dns/reply.ts'
import type { Leases } from '../leases.ts'
import type { AskedNames } from './asked-names.ts'
import type { Existence } from './existence.ts'

/** What an answer is made from. */
export interface AnswerContext {
  readonly names: AskedNames
  readonly ownership: Ownership
  readonly leases: Leases
  readonly existence: Existence
  /** Names that are not ours do not exist: nobody else is ever asked. */
  readonly strict: boolean
}

export type Answering =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Ask where the traffic leaves, then give what it says to `answerResolved`. */
  | AskConnector
  /** Ask the machine's other resolvers. */
  | { readonly kind: 'forward' }

export interface AskConnector {
  readonly kind: 'ask-connector'
  readonly name: Hostname
  readonly type: string
  readonly owned: Owned
  /** Whether only the name's existence is asked, for an address of ours, or the records are. */
  readonly about: 'existence' | 'records'
}

/** Whose SOA says for how long a negative answer holds: the zone's, or the name's own. */
export const soaOwner = (name: Hostname, { ownership }: AnswerContext): Hostname =>
  ownership.zoneOf(name) ?? name

export const reply = (made: Reply): Answering => ({ kind: 'reply', reply: made })
