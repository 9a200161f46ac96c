import type { Hostname } from '../names/hostname.ts'
import type { Protocol } from './ports.ts'
import type { Requester } from './requester.ts'

/** One question to the policy. `now` is in ms since the epoch. */
export interface PolicyRequest {
  readonly who: Requester
  readonly name: Hostname
  readonly port: number
  readonly protocol: Protocol
  readonly now: number
}

/** What the policy needs to know of the edge: it must answer from memory, and the same way twice. */
export interface World {
  /** Whether any connector's grant covers the name, even with none connected. */
  isPrivate(name: Hostname): boolean
  /** Whether an app of that name takes connections on the port. */
  isPublished(name: Hostname, port: number, protocol: Protocol): boolean
}

/** A world in which every name is private and published: what the document alone says. */
export const ANY_WORLD: World = { isPrivate: () => true, isPublished: () => true }

export type Decision =
  | { readonly kind: 'allow'; readonly rule: string; readonly until?: number }
  | Denial

export type Denial =
  | { readonly kind: 'deny'; readonly why: 'no-rule' }
  | { readonly kind: 'deny'; readonly why: 'blocked'; readonly rule: string }
  | {
      readonly kind: 'deny'
      readonly why: 'unmet'
      readonly rule: string
      /** The facts that are not known, each as the policy writes it: `claim:okta/groups`. */
      readonly conditions: readonly string[]
    }
  | { readonly kind: 'deny'; readonly why: 'not-published'; readonly rule: string }

/** The second half of a sentence: "bob@example.com may not reach wiki.corp.internal:80: …". */
export function describe(decision: Decision): string {
  if (decision.kind === 'allow') return `rule ${decision.rule} allows it`
  switch (decision.why) {
    case 'no-rule':
      return 'no rule allows it'
    case 'blocked':
      return `rule ${decision.rule} blocks it`
    case 'unmet':
      return `rule ${decision.rule} needs to know ${decision.conditions.join(', ')}`
    case 'not-published':
      return `rule ${decision.rule} allows it, but nobody publishes that port`
  }
}
