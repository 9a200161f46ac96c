import { nearest, type YamlWalk } from '../../process/yaml.ts'

/** What every reader of a part of the document knows: order in the file means nothing. */
export interface Reading {
  readonly walk: YamlWalk
  /** The names of all groups and sets of the file, known before any is read. */
  readonly groups: ReadonlySet<string>
  readonly sets: ReadonlySet<string>
  /** Providers that claim selectors have named so far. */
  readonly providers: Set<string>
}

/** `write "group:engineers"` for the nearest of `names`, or `undefined`. */
export function suggest(prefix: string, word: string, names: Iterable<string>): string | undefined {
  const near = nearest(word, names)
  return near === undefined ? undefined : `write "${prefix}${near}"`
}
