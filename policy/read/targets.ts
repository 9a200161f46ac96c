import { formatPattern, type NamePattern } from '../../names/pattern.ts'
import type { YamlNode, YamlScalar } from '../../process/yaml.ts'
import { coversPublicSuffix, isSingleLabel, readTarget, type Target } from '../target.ts'
import { type Reading, suggest } from './reading.ts'

/** Where a selector of names stands, which decides what it may say. */
export type Place = 'allow' | 'block' | 'except' | 'set' | 'app'

/** Reads `to` or `except`: a selector or a list of them. */
export function readTargets(reading: Reading, node: YamlNode, place: Place): Target[] | undefined {
  const nodes = reading.walk.oneOrMore(node)
  if (nodes.length === 0) {
    return reading.walk.refuse(node.at, 'the list is empty: it names nothing', CODE)
  }
  const read = nodes.map((each) => readOne(reading, each, place))
  const found = read.filter((one) => one !== undefined)
  return found.length === read.length ? found : undefined
}

/** Reads a member of a set or the key of an app, which may be a pattern only. */
export function readPatternAt(
  reading: Reading,
  node: YamlNode,
  place: 'set' | 'app',
): NamePattern | undefined {
  const one = readOne(reading, node, place)
  return one?.kind === 'pattern' ? one.pattern : undefined
}

const CODE = { code: 'ERR_POLICY_TO' } as const

function readOne(reading: Reading, node: YamlNode, place: Place): Target | undefined {
  const text = reading.walk.text(node, 'a selector of names')
  if (text === undefined) return undefined
  const read = readTarget(text)
  if (read.kind === 'not-a-target') {
    const fix = suggest('names:', text.replace(/^names?:/, ''), reading.sets)
    return reading.walk.refuse(node.at, read.message, { ...CODE, fix })
  }
  const refusal = refusalOf(reading, read.target, place)
  if (!refusal) return read.target
  return reading.walk.refuse(node.at, refusal.message, { ...CODE, fix: refusal.fix })
}

interface Refusal {
  readonly message: string
  readonly fix?: string | undefined
}

function refusalOf(reading: Reading, target: Target, place: Place): Refusal | undefined {
  switch (target.kind) {
    case 'anything':
      return place === 'block' ? undefined : ANYTHING
    case 'set':
      return setRefusal(reading, target.name, place)
    case 'pattern':
      return patternRefusal(reading, target.pattern, place)
  }
}

const ANYTHING: Refusal = {
  message: '"anything" may stand in a block only',
  fix: 'name what may be reached: a host, "*.base", domain:BASE or names:SET',
}

function setRefusal({ sets }: Reading, name: string, place: Place): Refusal | undefined {
  if (place === 'set' || place === 'app') {
    return { message: 'a set cannot stand here: write the names themselves' }
  }
  if (sets.has(name)) return undefined
  const fix = suggest('names:', name, sets) ?? 'add it under "names:"'
  return { message: `there is no set ${JSON.stringify(name.slice(0, 80))} in this file`, fix }
}

function patternRefusal(
  { sets }: Reading,
  pattern: NamePattern,
  place: Place,
): Refusal | undefined {
  const shown = formatPattern(pattern)
  if (isSingleLabel(pattern)) {
    const fix = suggest('names:', shown, sets) ?? 'write the whole name'
    return { message: `${shown} is a single label, not a name of at least two`, fix }
  }
  if (place === 'allow' && coversPublicSuffix(pattern)) {
    return { message: `${shown} covers a public suffix: everybody's names, not yours` }
  }
  return undefined
}

/** The key of a map as a value, so that one reader serves both. */
export function asScalar(key: string, at: YamlScalar['at']): YamlScalar {
  return { kind: 'scalar', at, value: key, source: key }
}
