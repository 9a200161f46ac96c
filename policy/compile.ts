import type { Hostname } from '../names/hostname.ts'
import { bySpecificity, formatPattern, includes, type NamePattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'
import { AtomTable } from './atoms.ts'
import { compileWho } from './compile-who.ts'
import type { CompiledRule, NameMatcher } from './compiled-rule.ts'
import type { App, PolicyDocument, Rule } from './document.ts'
import type { Requester } from './requester.ts'
import { RuleIndex } from './rule-index.ts'
import type { Target } from './target.ts'
import { RequesterView } from './view.ts'

/** A document made ready for decisions; immutable. */
export class Policy {
  readonly document: PolicyDocument
  /** By name, in the order of the names: what answers name first when all else is level. */
  readonly rules: readonly CompiledRule[]
  /** The numbers of the document's atoms, which views speak of. */
  readonly atoms: AtomTable
  readonly #spots: LabelTrie<Spot>
  readonly #everywhere: Spot
  readonly #apps = new LabelTrie<App>()
  readonly #views = new WeakMap<Requester, RequesterView>()

  constructor(document: PolicyDocument) {
    this.document = document
    this.atoms = new AtomTable()
    for (const group of document.groups.values()) this.atoms.addGroup(group)
    const sets = new Map([...document.names].map(([name, set]) => [name, matcher(set.patterns)]))
    const sorted = document.rules.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    this.rules = sorted.map((rule) => compileRule(rule, this.atoms, sets))
    const index = indexRules(document, this.rules)
    this.#spots = index.spots
    this.#everywhere = index.everywhere
    for (const app of document.apps) this.#apps.add(app.pattern, app)
  }

  /** What a requester is under this document: worked out once for each requester object. */
  view(who: Requester): RequesterView {
    const known = this.#views.get(who)
    if (known) return known
    const view = new RequesterView(this.atoms, who)
    this.#views.set(who, view)
    return view
  }

  /** Whether the most specific word about an app says that it is not shown to everybody. */
  isUnlisted(entry: NamePattern): boolean {
    if (entry.kind === 'host') return this.#apps.find(entry.base)[0]?.unlisted ?? false
    const around = this.document.apps.filter((app) => includes(app.pattern, entry))
    return around.sort((a, b) => bySpecificity(a.pattern, b.pattern))[0]?.unlisted ?? false
  }

  /** Where rules for a name are filed, the most specific pattern first. */
  spotsOf(name: Hostname): readonly Spot[] {
    const spots = this.#spots.find(name)
    spots.push(this.#everywhere)
    return spots
  }
}

export function compile(document: PolicyDocument): Policy {
  return new Policy(document)
}

/** All rules that one pattern leads to: those that name it, and those of each set that holds it. */
export interface Spot {
  readonly own: Shelf
  sets: readonly Shelf[]
}

/** The rules of one pattern or set. */
export interface Shelf {
  allow: RuleIndex | undefined
  block: RuleIndex | undefined
}

/** Every rule that is filed for a name, some more than once. */
export function* rulesAt(spots: readonly Spot[]): Generator<CompiledRule> {
  for (const spot of spots) {
    for (const shelf of [spot.own, ...spot.sets]) {
      yield* shelf.allow?.rules ?? []
      yield* shelf.block?.rules ?? []
    }
  }
}

function compileRule(
  rule: Rule,
  atoms: AtomTable,
  sets: ReadonlyMap<string, NameMatcher>,
): CompiledRule {
  const who = compileWho(rule.who, rule.kind, atoms)
  return { rule, who, except: exceptionsOf(rule.except, sets), ports: rule.ports }
}

function exceptionsOf(
  except: readonly Target[],
  sets: ReadonlyMap<string, NameMatcher>,
): NameMatcher[] {
  const own = except.flatMap((target) => (target.kind === 'pattern' ? [target.pattern] : []))
  const shared = except.flatMap((target) => {
    const set = target.kind === 'set' ? sets.get(target.name) : undefined
    return set ? [set] : []
  })
  return own.length > 0 ? [matcher(own), ...shared] : shared
}

function matcher(patterns: readonly NamePattern[]): NameMatcher {
  const trie = new LabelTrie<true>()
  for (const pattern of patterns) trie.add(pattern, true)
  return { covers: (name) => trie.find(name).length > 0 }
}

/**
 * A set has one shelf, which each of its patterns leads to, so that a thousand rules over a set of
 * ten thousand names cost a thousand places and not ten million.
 */
function indexRules(document: PolicyDocument, rules: readonly CompiledRule[]) {
  const spots = new LabelTrie<Spot>()
  const byPattern = new Map<string, Spot>()
  const everywhere = newSpot()
  const spotFor = (pattern: NamePattern): Spot => {
    const key = formatPattern(pattern)
    const known = byPattern.get(key)
    if (known) return known
    const spot = newSpot()
    byPattern.set(key, spot)
    spots.add(pattern, spot)
    return spot
  }
  const setShelves = new Map<string, Shelf>()
  for (const set of document.names.values()) {
    const shelf = newShelf()
    setShelves.set(set.name, shelf)
    for (const pattern of set.patterns) {
      const spot = spotFor(pattern)
      spot.sets = [...spot.sets, shelf]
    }
  }
  const shelfFor = (target: Target): Shelf | undefined => {
    if (target.kind === 'set') return setShelves.get(target.name)
    return target.kind === 'anything' ? everywhere.own : spotFor(target.pattern).own
  }
  for (const rule of rules) {
    for (const target of rule.rule.to) fileRule(shelfFor(target), rule)
  }
  return { spots, everywhere }
}

function fileRule(shelf: Shelf | undefined, rule: CompiledRule): void {
  if (!shelf) throw new Error(`rule ${rule.rule.name} names a set that the document does not have`)
  const { kind } = rule.rule
  const index = shelf[kind] ?? new RuleIndex()
  shelf[kind] = index
  index.add(rule)
}

const newShelf = (): Shelf => ({ allow: undefined, block: undefined })
const newSpot = (): Spot => ({ own: newShelf(), sets: NO_SETS })
const NO_SETS: readonly Shelf[] = []
