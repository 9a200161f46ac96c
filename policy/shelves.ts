import type { Hostname } from '../names/hostname.ts'
import { formatPattern, type NamePattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { PolicyDocument } from './document.ts'
import { RuleIndex } from './rule-index.ts'
import type { Target } from './target.ts'

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

/**
 * The rules of a document by the names they speak of. A set has one shelf, which each of its
 * patterns leads to, so that a thousand rules over a set of ten thousand names take a thousand
 * places and not ten million.
 */
export class Shelves {
  readonly #spots = new LabelTrie<Spot>()
  readonly #byPattern = new Map<string, Spot>()
  readonly #sets = new Map<string, Shelf>()
  readonly #everywhere = newSpot()

  constructor(document: PolicyDocument, rules: readonly CompiledRule[]) {
    for (const { name, patterns } of document.names.values()) this.#addSet(name, patterns)
    for (const rule of rules) {
      for (const target of rule.rule.to) addRule(this.#shelfOf(target), rule)
    }
  }

  /** The most specific pattern first; what is for every name is the last. */
  spotsOf(name: Hostname): readonly Spot[] {
    const spots = this.#spots.find(name)
    spots.push(this.#everywhere)
    return spots
  }

  #addSet(name: string, patterns: readonly NamePattern[]): void {
    const shelf = newShelf()
    this.#sets.set(name, shelf)
    for (const pattern of patterns) {
      const spot = this.#spotOf(pattern)
      spot.sets = [...spot.sets, shelf]
    }
  }

  #shelfOf(target: Target): Shelf {
    switch (target.kind) {
      case 'anything':
        return this.#everywhere.own
      case 'pattern':
        return this.#spotOf(target.pattern).own
      case 'set': {
        const shelf = this.#sets.get(target.name)
        if (shelf) return shelf
        throw new Error(`the document has no set ${target.name}`)
      }
    }
  }

  #spotOf(pattern: NamePattern): Spot {
    const key = formatPattern(pattern)
    const known = this.#byPattern.get(key)
    if (known) return known
    const spot = newSpot()
    this.#byPattern.set(key, spot)
    this.#spots.add(pattern, spot)
    return spot
  }
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

function addRule(shelf: Shelf, rule: CompiledRule): void {
  const { kind } = rule.rule
  const index = shelf[kind] ?? new RuleIndex()
  shelf[kind] = index
  index.add(rule)
}

const newShelf = (): Shelf => ({ allow: undefined, block: undefined })
const newSpot = (): Spot => ({ own: newShelf(), sets: NO_SETS })
const NO_SETS: readonly Shelf[] = []
