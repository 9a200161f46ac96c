import {
  type Hostname,
  HostnameError,
  type HostnameProblem,
  isWithin,
  readHostname,
} from './hostname.ts'

/**
 * A set of names. `host`: that one; `wildcard` (`*.base`): exactly one label below the base;
 * `domain` (`domain:base`): the base and everything below it.
 */
export type NamePattern =
  | { readonly kind: 'host'; readonly base: Hostname }
  | { readonly kind: 'wildcard'; readonly base: Hostname }
  | { readonly kind: 'domain'; readonly base: Hostname }

/**
 * Parses `git.corp.internal`, `*.corp.internal` or `domain:corp.internal`.
 * @throws {HostnameError}
 */
export function parsePattern(text: string): NamePattern {
  const read = readPattern(text)
  if (read.kind === 'pattern') return read.pattern
  throw new HostnameError(read.code, text)
}

export type PatternRead =
  | { readonly kind: 'pattern'; readonly pattern: NamePattern }
  | { readonly kind: 'not-a-pattern'; readonly code: HostnameProblem }

export function readPattern(text: string): PatternRead {
  const [kind, rest] = splitKind(text)
  const read = readHostname(rest)
  if (read.kind === 'not-a-hostname') return { kind: 'not-a-pattern', code: read.code }
  return { kind: 'pattern', pattern: { kind, base: read.hostname } }
}

export function formatPattern(pattern: NamePattern): string {
  switch (pattern.kind) {
    case 'host':
      return pattern.base
    case 'wildcard':
      return `*.${pattern.base}`
    case 'domain':
      return `domain:${pattern.base}`
  }
}

export function covers(pattern: NamePattern, name: Hostname): boolean {
  switch (pattern.kind) {
    case 'host':
      return name === pattern.base
    case 'wildcard':
      return isOneBelow(name, pattern.base)
    case 'domain':
      return isWithin(name, pattern.base)
  }
}

/** Whether every name of `inner` is a name of `outer`: what a grant asks of an announcement. */
export function includes(outer: NamePattern, inner: NamePattern): boolean {
  if (inner.kind === 'host') return covers(outer, inner.base)
  if (outer.kind === 'domain') return isWithin(inner.base, outer.base)
  return outer.kind === inner.kind && outer.base === inner.base
}

/**
 * Orders patterns that cover one name, the most specific first: host, then by longer base, and on
 * one base `*.` before `domain:` (policy.md, "What it means", 4).
 */
export function bySpecificity(a: NamePattern, b: NamePattern): number {
  if (a.kind === 'host' || b.kind === 'host') return rank(a) - rank(b)
  return b.base.length - a.base.length || rank(a) - rank(b)
}

const RANK = { host: 0, wildcard: 1, domain: 2 } as const
const rank = (pattern: NamePattern) => RANK[pattern.kind]

function splitKind(text: string): [NamePattern['kind'], string] {
  if (text.startsWith('*.')) return ['wildcard', text.slice(2)]
  if (text.startsWith('domain:')) return ['domain', text.slice(7)]
  return ['host', text]
}

function isOneBelow(name: Hostname, base: Hostname): boolean {
  if (!name.endsWith(`.${base}`)) return false
  return !name.slice(0, -base.length - 1).includes('.')
}
