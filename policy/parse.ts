import { formatPattern } from '../names/pattern.ts'
import { readYaml, type YamlEntry, type YamlNode, YamlWalk } from '../process/yaml.ts'
import { emptyDocument, type NameSet, type PolicyDocument, type Rule } from './document.ts'
import { readApps, readGroups, readNameSets } from './read/groups.ts'
import { LATER_TOP } from './read/later.ts'
import type { Reading } from './read/reading.ts'
import { readRules, refuseSharedNames } from './read/rules.ts'
import { readTests } from './read/tests.ts'
import { coversPublicSuffix } from './target.ts'

const KEYS = ['version', 'groups', 'names', 'apps', 'allow', 'block', 'tests'] as const

/** 100,000 rules need about 12 MB. */
const MAX_BYTES = 32 * 1_048_576

/**
 * Reads a policy file (policy.md, "One file, order-free"). An empty one is a document without rules,
 * which lets nobody in.
 * @param file how problems name it
 * @throws {ConfigError} with every problem found, in the order of the file
 */
export function parsePolicy(text: string, file: string): PolicyDocument {
  const { root } = readYaml(text, file, { maxBytes: MAX_BYTES })
  if (!root) return emptyDocument(file)
  const walk = new YamlWalk({ file })
  const what = 'a policy'
  const parts = walk.map(root, { what, keys: KEYS, required: ['version'], later: LATER_TOP })
  refuseOtherVersions(walk, parts.get('version'))
  const part = (key: (typeof KEYS)[number]) => parts.get(key)?.value
  const reading: Reading = {
    walk,
    groups: keysOf(part('groups')),
    sets: keysOf(part('names')),
    providers: new Set(),
  }
  const groups = readGroups(reading, part('groups'))
  const names = readNameSets(reading, part('names'))
  const apps = readApps(reading, part('apps'))
  const blocks = readRules(reading, 'block', part('block'))
  const rules = [...readRules(reading, 'allow', part('allow')), ...blocks]
  refuseSharedNames(reading, rules)
  refuseSuffixSets(walk, rules, names)
  const tests = readTests(reading, part('tests'), new Set(blocks.map((rule) => rule.name)))
  walk.finish()
  return { file, groups, names, apps, rules, tests }
}

function refuseOtherVersions(walk: YamlWalk, version: YamlEntry | undefined): void {
  if (!version) return
  const { value } = version
  if (value.kind === 'scalar' && value.value === 1) return
  walk.refuse(value.at, 'only version 1 of the language is known', { fix: 'write "version: 1"' })
}

function keysOf(node: YamlNode | undefined): Set<string> {
  return new Set(node?.kind === 'map' ? node.entries.map(({ key }) => key) : [])
}

/** A set may hold a public suffix for the sake of blocks; an allow must not open one through it. */
function refuseSuffixSets(
  walk: YamlWalk,
  rules: readonly Rule[],
  sets: ReadonlyMap<string, NameSet>,
): void {
  const wide = new Map(
    [...sets.values()].flatMap(({ name, patterns }) => {
      const pattern = patterns.find(coversPublicSuffix)
      return pattern ? [[name, formatPattern(pattern)]] : []
    }),
  )
  for (const rule of rules) {
    if (rule.kind !== 'allow' || wide.size === 0) continue
    for (const target of rule.to) {
      const pattern = target.kind === 'set' ? wide.get(target.name) : undefined
      if (target.kind !== 'set' || !pattern) continue
      const message = `rule ${rule.name} allows names:${target.name}, in which ${pattern} covers a public suffix`
      walk.refuse(rule.at, message, { code: 'ERR_POLICY_TO' })
    }
  }
}
