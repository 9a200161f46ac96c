import { nearest } from './yaml-nearest.ts'
import type { YamlDocument, YamlEntry, YamlList, YamlMap, YamlNode } from './yaml-node.ts'
import { ConfigError, type Position, type Problem } from './yaml-problem.ts'

/** What a map may hold. `what` is how sentences name it: "a rule", "the settings of the edge". */
export interface MapShape<Key extends string> {
  readonly what: string
  readonly keys: readonly Key[]
  readonly required?: readonly Key[]
  /** Keys that a later version will take: refused with this sentence instead of "unknown". */
  readonly later?: Readonly<Record<string, string>>
}

/**
 * Reads typed values out of a document, collecting every problem instead of stopping at the first.
 * A reading method gives `undefined` where it has noted a problem; `finish` throws if there is any.
 */
export class YamlWalk {
  readonly #file: string
  readonly #problems: Problem[] = []

  constructor(document: Pick<YamlDocument, 'file'>) {
    this.#file = document.file
  }

  /** A map with known keys. A node that is missing or no map reads as a map with nothing in it. */
  map<Key extends string>(
    node: YamlNode | undefined,
    shape: MapShape<Key>,
  ): ReadonlyMap<Key, YamlEntry> {
    const found = new Map<Key, YamlEntry>()
    if (!node) return found
    if (node.kind !== 'map') {
      this.refuse(node.at, `${shape.what} must be a map of ${shape.keys.join(', ')}`)
      return found
    }
    for (const entry of node.entries) {
      if (isOneOf(shape.keys, entry.key)) found.set(entry.key, entry)
      else this.#unknownKey(entry, shape)
    }
    for (const key of shape.required ?? []) {
      if (!found.has(key))
        this.refuse(node.at, `${shape.what} needs ${key}`, { fix: `add "${key}:"` })
    }
    return found
  }

  /** The entries of a map whose keys the author chooses; none if missing or left empty. */
  entries(node: YamlNode | undefined, what: string): readonly YamlEntry[] {
    if (!node || isNothing(node)) return []
    if (node.kind === 'map') return node.entries
    this.refuse(node.at, `${what} must be a map of names`, { fix: 'write "name: …" a line' })
    return []
  }

  list(node: YamlNode | undefined, what: string): readonly YamlNode[] {
    if (!node) return []
    if (node.kind === 'list') return node.items
    this.refuse(node.at, `${what} must be a list`, { fix: 'write [one, another]' })
    return []
  }

  /** A list, or a single value that stands for a list of one. */
  oneOrMore(node: YamlNode | undefined): readonly YamlNode[] {
    if (!node) return []
    return node.kind === 'list' ? node.items : [node]
  }

  /** A text of one line, not empty. */
  text(node: YamlNode, what: string): string | undefined {
    if (node.kind === 'scalar') {
      if (typeof node.value === 'string' && /^.+$/.test(node.value)) return node.value
      if (isNothing(node) || node.value === '') return this.#missing(node, what)
      const fix = typeof node.value === 'string' ? undefined : `put it in quotes: "${node.source}"`
      return this.refuse(node.at, `${what} must be a text of one line`, { fix })
    }
    return this.refuse(node.at, `${what} must be a single text, not ${nameOf(node)}`)
  }

  integer(node: YamlNode, what: string, range: { min: number; max: number }): number | undefined {
    const { min, max } = range
    if (node.kind === 'scalar' && /^-?(0|[1-9]\d{0,14})$/.test(node.source)) {
      const value = Number(node.source)
      if (typeof node.value === 'number' && value >= min && value <= max) return value
    }
    return this.refuse(node.at, `${what} must be a whole number from ${min} to ${max}`)
  }

  boolean(node: YamlNode, what: string): boolean | undefined {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value
    return this.refuse(node.at, `${what} must be true or false`)
  }

  oneOf<Word extends string>(
    node: YamlNode,
    what: string,
    words: readonly Word[],
  ): Word | undefined {
    const text = this.text(node, what)
    if (text === undefined) return undefined
    if (isOneOf(words, text)) return text
    const near = nearest(text, words)
    const fix = near && `write "${near}"`
    return this.refuse(node.at, `${what} must be one of ${words.join(', ')}`, { fix })
  }

  /** Notes a problem and gives `undefined`, so that a reader can `return walk.refuse(…)`. */
  refuse(at: Position, message: string, more: RefuseOptions = {}): undefined {
    if (this.#problems.length >= MAX_PROBLEMS) return undefined
    const code = more.code ?? 'ERR_CONFIG_VALUE'
    const { line, column } = at
    this.#problems.push({ code, file: this.#file, line, column, message, fix: more.fix })
    return undefined
  }

  /** How many problems have been noted so far. */
  get problemCount(): number {
    return this.#problems.length
  }

  /** @throws {ConfigError} with all problems in the order of the file, if any was noted. */
  finish(): void {
    if (this.#problems.length === 0) return
    throw new ConfigError(this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column))
  }

  #unknownKey<Key extends string>({ key, keyAt }: YamlEntry, shape: MapShape<Key>): undefined {
    const later = shape.later && Object.hasOwn(shape.later, key) ? shape.later[key] : undefined
    if (later) return this.refuse(keyAt, later, { code: 'ERR_CONFIG_NOT_YET' })
    const near = nearest(key, shape.keys)
    const fix = near ? `write "${near}"` : `the keys are: ${shape.keys.join(', ')}`
    const message = `${JSON.stringify(key.slice(0, 80))} is not a key of ${shape.what}`
    return this.refuse(keyAt, message, { code: 'ERR_CONFIG_UNKNOWN_KEY', fix })
  }

  #missing(node: YamlNode, what: string): undefined {
    const fix = 'if it begins with #, & or !, put it in quotes'
    return this.refuse(node.at, `${what} is missing: nothing is written here`, { fix })
  }
}

interface RefuseOptions {
  readonly code?: Problem['code']
  readonly fix?: string | undefined
}

const MAX_PROBLEMS = 100

const isOneOf = <Word extends string>(words: readonly Word[], word: string): word is Word =>
  (words as readonly string[]).includes(word)

const isNothing = (node: YamlNode) => node.kind === 'scalar' && node.value === null

const nameOf = (node: YamlMap | YamlList) => (node.kind === 'map' ? 'a map' : 'a list')
