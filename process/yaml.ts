import { type Document, LineCounter, parseDocument } from 'yaml'
import type { YamlDocument } from './yaml-node.ts'
import { ConfigError } from './yaml-problem.ts'
import { YamlReader } from './yaml-reader.ts'

export { nearest } from './yaml-nearest.ts'
export type {
  YamlDocument,
  YamlEntry,
  YamlList,
  YamlMap,
  YamlNode,
  YamlScalar,
} from './yaml-node.ts'
export { ConfigError, formatProblem, type Position, type Problem } from './yaml-problem.ts'
export { type MapShape, YamlWalk } from './yaml-walk.ts'

export interface ReadYamlOptions {
  /** Larger texts are refused unread; 1 MiB unless told. Counted in UTF-8 bytes. */
  readonly maxBytes?: number
}

/**
 * Reads the strict part of YAML 1.2 that configuration needs: one document of maps, lists and plain
 * values. Aliases, anchors, tags, duplicate keys, tabs as indentation, control characters and
 * nesting beyond 32 levels are refused, each with a sentence of its own.
 * @throws {ConfigError}
 */
export function readYaml(text: string, file: string, options: ReadYamlOptions = {}): YamlDocument {
  const bare = text.startsWith('\ufeff') ? text.slice(1) : text
  refuseUnreadable(bare, file, options.maxBytes ?? 1_048_576)
  const lines = new LineCounter()
  const parsed = parseDocument(bare, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false, // its own check is quadratic: YamlReader has a linear one
    logLevel: 'error',
  })
  const reader = new YamlReader(file, bare, lines)
  reader.takeErrors(parsed.errors)
  if (hasDirectives(parsed)) reader.refuseDirectives()
  const root = parsed.contents === null ? undefined : reader.node(parsed.contents, 0)
  reader.finish()
  return { file, text: bare, root }
}

/** `%YAML 1.1` would turn `yes` into a truth value and 010 into eight. */
function hasDirectives({ directives, warnings }: Document): boolean {
  if (warnings.some(({ code }) => code === 'BAD_DIRECTIVE')) return true
  return directives?.yaml.explicit === true || Object.keys(directives?.tags ?? {}).length > 1
}

function refuseUnreadable(text: string, file: string, maxBytes: number): void {
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    const message = `the file is larger than ${maxBytes} bytes`
    throw new ConfigError([{ code: 'ERR_YAML_TOO_LARGE', file, line: 1, column: 1, message }])
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const unreadable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.exec(text)
  if (!unreadable) return
  const before = text.slice(0, unreadable.index).split(/\r\n|\n|\r/)
  const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
  const [character] = unreadable
  if (character === '\ufffd') {
    const message = 'the file is not UTF-8 here, or was cut and mended'
    throw new ConfigError([{ code: 'ERR_YAML_NOT_UTF8', file, ...place, message }])
  }
  const message = `a control character (code ${character.charCodeAt(0)}) is not allowed`
  throw new ConfigError([{ code: 'ERR_YAML_CONTROL_CHARACTER', file, ...place, message }])
}
