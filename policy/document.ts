import type { Hostname } from '../names/hostname.ts'
import type { NamePattern } from '../names/pattern.ts'
import type { Position } from '../process/yaml.ts'
import type { PortRange, Protocol } from './ports.ts'
import type { Requester } from './requester.ts'
import type { Target } from './target.ts'
import type { Who, WhoAtom } from './who.ts'

/** A policy file, read and resolved: every group and set that is named exists, nothing is cyclic. */
export interface PolicyDocument {
  readonly file: string
  readonly groups: ReadonlyMap<string, Group>
  readonly names: ReadonlyMap<string, NameSet>
  readonly apps: readonly App[]
  readonly rules: readonly Rule[]
  readonly tests: readonly PolicyTest[]
}

export interface Group {
  readonly name: string
  readonly at: Position
  readonly members: readonly WhoAtom[]
}

export interface NameSet {
  readonly name: string
  readonly at: Position
  readonly patterns: readonly NamePattern[]
}

export interface App {
  readonly at: Position
  readonly pattern: NamePattern
  /** Does not exist for whoever may not reach it. */
  readonly unlisted: boolean
}

export interface Rule {
  readonly kind: 'allow' | 'block'
  readonly name: string
  readonly at: Position
  readonly who: Who
  readonly to: readonly Target[]
  readonly except: readonly Target[]
  readonly ports: readonly PortRange[]
}

export interface PolicyTest {
  readonly at: Position
  readonly as: Requester
  readonly name: Hostname
  readonly port: number
  readonly protocol: Protocol
  readonly expect: Expectation
}

export type Expectation =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'deny-by'; readonly rule: string }
  | { readonly kind: 'deny-no-rule' }
  | { readonly kind: 'deny-not-published' }
  | { readonly kind: 'deny-unmet'; readonly condition: string }

/** What an empty or missing file means: no rule, so nobody reaches anything. */
export function emptyDocument(file: string): PolicyDocument {
  return { file, groups: new Map(), names: new Map(), apps: [], rules: [], tests: [] }
}
