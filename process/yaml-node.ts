import type { Position } from './yaml-problem.ts'

/** A file's one YAML document as plain positioned nodes; `root` is missing in an empty file. */
export interface YamlDocument {
  readonly file: string
  readonly text: string
  readonly root: YamlNode | undefined
}

export type YamlNode = YamlMap | YamlList | YamlScalar

export interface YamlMap {
  readonly kind: 'map'
  readonly at: Position
  readonly entries: readonly YamlEntry[]
}

export interface YamlEntry {
  readonly key: string
  readonly keyAt: Position
  readonly value: YamlNode
}

export interface YamlList {
  readonly kind: 'list'
  readonly at: Position
  readonly items: readonly YamlNode[]
}

export interface YamlScalar {
  readonly kind: 'scalar'
  readonly at: Position
  /** The value by the YAML 1.2 core schema: `yes` is a text, `0x1f` a number. */
  readonly value: string | number | boolean | null
  /** As written, without quotes. */
  readonly source: string
}
