import type { YamlEntry, YamlNode } from '../../process/yaml.ts'
import { readWhoAtom, type Who, type WhoAtom } from '../who.ts'
import { type Reading, suggest } from './reading.ts'

/** Reads `who`: a selector, a list of them (any of) or a map of `any`, `all` and `none`. */
export function readWho(reading: Reading, node: YamlNode): Who | undefined {
  switch (node.kind) {
    case 'scalar':
      return readAtom(reading, node)
    case 'list':
      return readList(reading, node, 'any')
    case 'map':
      return readCombination(reading, node)
  }
}

/** Reads a single selector and checks that the group which it names is in the file. */
export function readAtom(reading: Reading, node: YamlNode): WhoAtom | undefined {
  const { walk } = reading
  const text = walk.text(node, 'a selector of who')
  if (text === undefined) return undefined
  const read = readWhoAtom(text)
  if (read.kind === 'not-a-selector') {
    const fix = suggest('group:', text.replace(/^groups?:/, ''), reading.groups) ?? read.fix
    return walk.refuse(node.at, read.message, { code: 'ERR_POLICY_WHO', fix })
  }
  const { atom } = read
  if (atom.kind === 'claim' && atom.provider !== undefined) reading.providers.add(atom.provider)
  if (atom.kind !== 'group' || reading.groups.has(atom.name)) return atom
  const fix = suggest('group:', atom.name, reading.groups) ?? `add "${atom.name}:" under groups`
  const message = `there is no group ${JSON.stringify(atom.name)} in this file`
  return walk.refuse(node.at, message, { code: 'ERR_POLICY_NO_SUCH_GROUP', fix })
}

type Combiner = 'any' | 'all' | 'none'

function readList(reading: Reading, node: YamlNode, kind: Combiner): Who | undefined {
  const nodes = reading.walk.oneOrMore(node)
  if (nodes.length === 0) {
    const message = 'the list is empty: it names nobody'
    return reading.walk.refuse(node.at, message, { code: 'ERR_POLICY_WHO' })
  }
  const members = nodes.map((each) => readWho(reading, each))
  const found = members.filter((member) => member !== undefined)
  if (found.length < members.length) return undefined
  const [only] = found
  return found.length === 1 && only && kind === 'any' ? only : { kind, of: found }
}

function readCombination(reading: Reading, node: YamlNode): Who | undefined {
  const { walk } = reading
  const parts = walk.map(node, { what: 'who', keys: ['any', 'all', 'none'] })
  if (!parts.has('any') && !parts.has('all')) {
    const fix = parts.has('none') ? 'add "any: anyone" if that is what you mean' : undefined
    const message = 'who needs any or all: it must say who is meant before who is not'
    return walk.refuse(node.at, message, { code: 'ERR_POLICY_WHO', fix })
  }
  const read = [...parts].map(([kind, entry]) => readPart(reading, kind, entry))
  const found = read.filter((part) => part !== undefined)
  if (found.length < read.length) return undefined
  const [only] = found
  return found.length === 1 ? only : { kind: 'all', of: found }
}

function readPart(reading: Reading, kind: Combiner, { value }: YamlEntry): Who | undefined {
  return readList(reading, value, kind)
}
