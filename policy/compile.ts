import type { Hostname } from '../names/hostname.ts'
import { bySpecificity, includes, type NamePattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'
import { AtomTable } from './atoms.ts'
import { compileWho } from './compile-who.ts'
import type { CompiledRule, NameMatcher } from './compiled-rule.ts'
import type { App, PolicyDocument, Rule } from './document.ts'
import type { Requester } from './requester.ts'
import { Shelves, type Spot } from './shelves.ts'
import type { Target } from './target.ts'
import { RequesterView } from './view.ts'

/** A document made ready for decisions; immutable. */
export class Policy {
  readonly document: PolicyDocument
  /** By name, in the order of the names: what answers name first when all else is level. */
  readonly rules: readonly CompiledRule[]
  /** The numbers of the document's atoms, which views speak of. */
  readonly atoms: AtomTable
  readonly #shelves: Shelves
  readonly #apps = new LabelTrie<App>()
  readonly #views = new WeakMap<Requester, RequesterView>()

  constructor(document: PolicyDocument) {
    this.document = document
    this.atoms = new AtomTable()
    for (const group of document.groups.values()) this.atoms.addGroup(group)
    const sets = new Map([...document.names].map(([name, set]) => [name, matcher(set.patterns)]))
    const sorted = document.rules.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    this.rules = sorted.map((rule) => compileRule(rule, this.atoms, sets))
    this.#shelves = new Shelves(document, this.rules)
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
    return this.#shelves.spotsOf(name)
  }
}

export function compile(document: PolicyDocument): Policy {
  return new Policy(document)
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
