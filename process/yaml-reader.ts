import {
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type ParsedNode,
  type YAMLError,
} from 'yaml'
import type { YamlEntry, YamlNode, YamlScalar } from './yaml-node.ts'
import { ConfigError, type Position, type Problem, plainLine } from './yaml-problem.ts'

/** Turns the parser's nodes into ours and collects what is refused on the way. */
export class YamlReader {
  readonly #file: string
  readonly #text: string
  readonly #lines: LineCounter
  readonly #problems: Problem[] = []

  constructor(file: string, text: string, lines: LineCounter) {
    this.#file = file
    this.#text = text
    this.#lines = lines
  }

  /** What the parser itself found. Its error ends the reading, for its tree is then a guess. */
  takeErrors(errors: readonly YAMLError[]): void {
    for (const error of errors.slice(0, MAX_PROBLEMS)) {
      const told = SENTENCES[error.code] ?? { message: ownWords(error.message) }
      this.#refuse(error.pos[0], told.code ?? 'ERR_YAML_SYNTAX', told.message, told.fix)
    }
    this.finish()
  }

  refuseDirectives(): void {
    this.#refuse(0, 'ERR_YAML_DIRECTIVE', 'directives (%YAML, %TAG) are not allowed')
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems)
  }

  node(node: ParsedNode | null, depth: number): YamlNode {
    const offset = node?.range[0] ?? 0
    const at = this.#at(offset)
    if (depth > MAX_DEPTH) {
      this.#refuse(offset, 'ERR_YAML_TOO_DEEP', `more than ${MAX_DEPTH} levels of nesting`)
      return { kind: 'scalar', at, value: null, source: '' }
    }
    if (node && !isAlias(node)) this.#refuseProperties(node)
    if (isMap(node)) return { kind: 'map', at, entries: this.#map(node.items as Pair[], depth) }
    if (isSeq(node)) return { kind: 'list', at, items: this.#list(node.items, depth) }
    if (isAlias(node)) this.#refuseAlias(node.source, offset)
    return this.#scalar(node, at)
  }

  #list(items: readonly unknown[], depth: number): YamlNode[] {
    return items.map((item) => this.node(item as ParsedNode, depth + 1))
  }

  #map(pairs: readonly Pair[], depth: number): YamlEntry[] {
    const seen = new Map<string, Position>()
    return pairs.map((pair) => {
      const offset = pair.key?.range?.[0] ?? 0
      const key = this.#key(pair.key, offset)
      const first = seen.get(key)
      if (first) {
        const message = `the key ${JSON.stringify(key)} is here twice, first in line ${first.line}`
        this.#refuse(offset, 'ERR_YAML_DUPLICATE_KEY', message, 'rename one or join both')
      }
      const keyAt = this.#at(offset)
      seen.set(key, first ?? keyAt)
      return { key, keyAt, value: this.#value(pair, keyAt, depth) }
    })
  }

  #value(pair: Pair, keyAt: Position, depth: number): YamlNode {
    if (pair.value === null) return { kind: 'scalar', at: keyAt, value: null, source: '' }
    return this.node(pair.value, depth + 1)
  }

  #key(key: ParsedNode | null, offset: number): string {
    if (isAlias(key)) this.#refuseAlias(key.source, offset)
    else if (key) this.#refuseProperties(key)
    if (isScalar(key) && key.source !== '') {
      const text = typeof key.value === 'string' ? key.value : (key.source ?? '')
      if (text !== '' && !hasControl(text) && !text.includes('\n')) return text
    }
    if (!isAlias(key)) this.#refuse(offset, 'ERR_YAML_KEY', 'a key must be a plain word')
    return ''
  }

  #scalar(node: ParsedNode | null, at: Position): YamlScalar {
    if (!isScalar(node)) return { kind: 'scalar', at, value: null, source: '' }
    const source = node.source ?? ''
    if (node.type === 'PLAIN') this.#refuseHiddenComment(node.range[1])
    const value = scalarValue(node.value, source)
    if (typeof value === 'string' && hasControl(value)) {
      const message = 'a value has a control character in it'
      this.#refuse(node.range[0], 'ERR_YAML_CONTROL_CHARACTER', message)
    }
    return { kind: 'scalar', at, value, source }
  }

  #refuseAlias(name: string, offset: number): void {
    const message = 'a value that begins with * must be in quotes (YAML takes it for an alias)'
    const text = /^[\w.@*:-]+/.exec(name)?.[0] ?? name
    this.#refuse(offset, 'ERR_YAML_ALIAS', message, `write "*${text}"`)
  }

  #refuseProperties(node: ParsedNode): void {
    const offset = node.range[0]
    if ('anchor' in node && node.anchor) {
      const message = 'anchors (&name) are not allowed'
      this.#refuse(offset, 'ERR_YAML_ANCHOR', message, 'put the value in quotes, or write it out')
    }
    if (node.tag) {
      const message = 'tags (!name) are not allowed'
      this.#refuse(offset, 'ERR_YAML_TAG', message, 'put the value in quotes')
    }
  }

  /** `Team #1`: YAML ends the value before the ` #`, which its author hardly ever means. */
  #refuseHiddenComment(end: number): void {
    const hidden = /^[ \t]*#[^\s#!-][^\r\n]{0,40}/.exec(this.#text.slice(end, end + 100))
    if (!hidden || this.#text[end - 1] === '\n') return
    const offset = end + hidden[0].indexOf('#')
    const message = 'a " #" inside an unquoted value begins a comment: what follows is not read'
    const fix = 'put the value in quotes, or write the comment as "# …" with a space'
    this.#refuse(offset, 'ERR_YAML_HIDDEN_COMMENT', message, fix)
  }

  #refuse(offset: number, code: Problem['code'], message: string, fix?: string): void {
    if (this.#problems.length >= MAX_PROBLEMS) return
    this.#problems.push({ code, file: this.#file, ...this.#at(offset), message, fix })
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}

const MAX_DEPTH = 32
const MAX_PROBLEMS = 50

type Pair = { readonly key: ParsedNode | null; readonly value: ParsedNode | null }

interface Told {
  readonly message: string
  readonly code?: Problem['code']
  readonly fix?: string
}

const SENTENCES: Partial<Record<ErrorCode, Told>> = {
  TAB_AS_INDENT: {
    code: 'ERR_YAML_TAB',
    message: 'a tab is used as indentation',
    fix: 'indent with spaces',
  },
  MULTIPLE_DOCS: {
    code: 'ERR_YAML_SEVERAL_DOCUMENTS',
    message: 'the file has several documents (---), and only one is read',
    fix: 'keep one document a file',
  },
  BAD_SCALAR_START: {
    message: 'a value that begins with @, ` or % must be in quotes',
    fix: 'put the value in quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second "key:" stands on one line',
    fix: 'put the value in quotes, or begin a new line',
  },
  BAD_ALIAS: {
    code: 'ERR_YAML_ALIAS',
    message: 'a word that begins with * or & must be in quotes',
    fix: 'put it in quotes',
  },
  RESOURCE_EXHAUSTION: { code: 'ERR_YAML_TOO_DEEP', message: 'the file is nested too deeply' },
}

/** The parser quotes the file as it is: one line of it, and nothing that a terminal would obey. */
function ownWords(text: string): string {
  return plainLine(text.charAt(0).toLowerCase() + text.slice(1, 200))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControl = (text: string) => /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text)

function scalarValue(value: unknown, source: string): YamlScalar['value'] {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  return typeof value === 'number' ? value : source
}
