import { membersOf } from './compile-who.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { Protocol } from './ports.ts'
import type { RequesterView } from './view.ts'

/**
 * The rules of one pattern or set. A few are a list. Many are filed by the atoms of which one must
 * hold or be unknown for the rule to match, and many of one atom by their ports as well, so that a
 * thousand rules on one domain cost what they match.
 */
export class RuleIndex {
  readonly rules: CompiledRule[] = []
  readonly #few = [this.rules]
  #byAtom: Map<number, PortIndex> | undefined

  add(rule: CompiledRule): void {
    if (this.rules.at(-1) === rule) return
    this.rules.push(rule)
    if (this.#byAtom) file(rule, this.#byAtom)
    else if (this.rules.length > FEW) this.#byAtom = fileAll(this.rules)
  }

  /** Lists of rules that may match; their ports and `who` are still to be looked at. */
  candidates(
    view: RequesterView,
    port: number,
    protocol: Protocol,
  ): readonly (readonly CompiledRule[])[] {
    if (!this.#byAtom) return this.#few
    const found: (readonly CompiledRule[])[] = []
    if (this.#byAtom.size <= view.atoms.length) {
      for (const [id, index] of this.#byAtom) {
        if (view.truthOf(id) !== 'no') index.collect(port, protocol, found)
      }
      return found
    }
    for (const id of view.atoms) this.#byAtom.get(id)?.collect(port, protocol, found)
    return found
  }
}

const FEW = 4

function fileAll(rules: readonly CompiledRule[]): Map<number, PortIndex> {
  const byAtom = new Map<number, PortIndex>()
  for (const rule of rules) file(rule, byAtom)
  return byAtom
}

function file(rule: CompiledRule, byAtom: Map<number, PortIndex>): void {
  for (const id of membersOf(rule.who)) {
    const known = byAtom.get(id)
    if (known) known.add(rule)
    else byAtom.set(id, new PortIndex(rule))
  }
}

/** A list, and once it is long also by port: most rules name one. */
class PortIndex {
  readonly rules: CompiledRule[]
  #narrow: Map<number, CompiledRule[]> | undefined
  #wide: CompiledRule[] = []

  constructor(rule: CompiledRule) {
    this.rules = [rule]
  }

  add(rule: CompiledRule): void {
    if (this.rules.at(-1) === rule) return
    this.rules.push(rule)
    if (this.#narrow) this.#file(rule, this.#narrow)
    else if (this.rules.length > LONG) this.#split()
  }

  collect(port: number, protocol: Protocol, into: (readonly CompiledRule[])[]): void {
    if (!this.#narrow) {
      into.push(this.rules)
      return
    }
    const narrow = this.#narrow.get(keyOf(port, protocol))
    if (narrow) into.push(narrow)
    if (this.#wide.length > 0) into.push(this.#wide)
  }

  #split(): void {
    const narrow = new Map<number, CompiledRule[]>()
    for (const rule of this.rules) this.#file(rule, narrow)
    this.#narrow = narrow
  }

  #file(rule: CompiledRule, narrow: Map<number, CompiledRule[]>): void {
    if (!rule.ports.every(({ from, to }) => from === to)) {
      this.#wide.push(rule)
      return
    }
    for (const { from, protocol } of rule.ports) {
      const key = keyOf(from, protocol)
      const filed = narrow.get(key)
      if (!filed) narrow.set(key, [rule])
      else if (filed.at(-1) !== rule) filed.push(rule)
    }
  }
}

const LONG = 8

const keyOf = (port: number, protocol: Protocol) => (protocol === 'tcp' ? port : port + 65_536)
