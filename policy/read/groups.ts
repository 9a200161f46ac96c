import type { YamlEntry, YamlNode } from '../../process/yaml.ts'
import type { App, Group, NameSet } from '../document.ts'
import { isWord } from '../who.ts'
import type { Reading } from './reading.ts'
import { asScalar, readPatternAt } from './targets.ts'
import { readAtom } from './who.ts'

/** Reads `groups`: each a selector or a list; groups may hold groups, but not in a circle. */
export function readGroups(reading: Reading, node: YamlNode | undefined): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const entry of reading.walk.entries(node, 'groups')) {
    refuseBadName(reading, entry, 'a group')
    const members = reading.walk.oneOrMore(entry.value).map((each) => readMember(reading, each))
    const found = members.filter((member) => member !== undefined)
    groups.set(entry.key, { name: entry.key, at: entry.keyAt, members: found })
  }
  refuseCircles(reading, groups)
  return groups
}

/** Reads `names`: each a pattern or a list of them. */
export function readNameSets(reading: Reading, node: YamlNode | undefined): Map<string, NameSet> {
  const sets = new Map<string, NameSet>()
  for (const entry of reading.walk.entries(node, 'names')) {
    refuseBadName(reading, entry, 'a set of names')
    const nodes = reading.walk.oneOrMore(entry.value)
    const patterns = nodes.map((each) => readPatternAt(reading, each, 'set'))
    const found = patterns.filter((pattern) => pattern !== undefined)
    sets.set(entry.key, { name: entry.key, at: entry.keyAt, patterns: found })
  }
  return sets
}

/** Reads `apps`: what is said of a name whoever publishes it. */
export function readApps(reading: Reading, node: YamlNode | undefined): App[] {
  const apps: App[] = []
  for (const { key, keyAt, value } of reading.walk.entries(node, 'apps')) {
    const pattern = readPatternAt(reading, asScalar(key, keyAt), 'app')
    const parts = reading.walk.map(value, { what: `app ${key}`, keys: ['unlisted'] })
    const unlisted = parts.get('unlisted')?.value
    const isUnlisted = unlisted && reading.walk.boolean(unlisted, 'unlisted')
    if (pattern) apps.push({ at: keyAt, pattern, unlisted: isUnlisted ?? false })
  }
  return apps
}

function readMember(reading: Reading, node: YamlNode) {
  const member = readAtom(reading, node)
  if (member?.kind !== 'anyone') return member
  const message = '"anyone" means more in a block than in an allow, so a group cannot hold it'
  return reading.walk.refuse(node.at, message, {
    code: 'ERR_POLICY_WHO',
    fix: 'write anyone in the rule itself',
  })
}

function refuseBadName({ walk }: Reading, { key, keyAt }: YamlEntry, what: string): void {
  if (isWord(key)) return
  const message = `the name of ${what} has letters, digits, dots and hyphens only, at most 100`
  walk.refuse(keyAt, message, { code: 'ERR_POLICY_NAME' })
}

/** Takes away, again and again, the groups that hold no group that is left: a circle stays. */
function refuseCircles({ walk }: Reading, groups: ReadonlyMap<string, Group>): void {
  const left = inCircles(groups)
  const [first] = left
  if (first === undefined) return
  const trail = new Set<string>()
  let name = first
  while (!trail.has(name)) {
    trail.add(name)
    name = groupsIn(groups.get(name)).find((held) => left.has(held)) ?? name
  }
  const circle = [...trail]
  const told = [...circle.slice(circle.indexOf(name), MAX_TOLD), name].join(' holds ')
  const at = groups.get(name)?.at
  const more = { code: 'ERR_POLICY_CIRCLE', fix: 'take one of them out' } as const
  if (at) walk.refuse(at, `a group holds itself: ${told}`, more)
}

const MAX_TOLD = 20

/** The groups that are part of a circle or hold one. */
function inCircles(groups: ReadonlyMap<string, Group>): Set<string> {
  const holders = new Map<string, string[]>()
  const open = new Map<string, number>()
  for (const group of groups.values()) {
    const held = groupsIn(group)
    open.set(group.name, held.length)
    for (const name of held) push(holders, name, group.name)
  }
  const ready = [...groups.keys()].filter((name) => open.get(name) === 0)
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    open.delete(name)
    for (const holder of holders.get(name) ?? []) {
      const count = (open.get(holder) ?? 0) - 1
      open.set(holder, count)
      if (count === 0) ready.push(holder)
    }
  }
  return new Set(open.keys())
}

const groupsIn = (group: Group | undefined): string[] =>
  (group?.members ?? []).flatMap((member) => (member.kind === 'group' ? [member.name] : []))

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
