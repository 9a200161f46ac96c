import type { YamlEntry, YamlNode } from '../../process/yaml.ts'
import type { Rule } from '../document.ts'
import { ALL_PORTS, type PortRange, type Protocol, readPorts } from '../ports.ts'
import { isWord } from '../who.ts'
import { LATER_RULE } from './later.ts'
import type { Reading } from './reading.ts'
import { readTargets } from './targets.ts'
import { readWho } from './who.ts'

/** Reads the rules under `allow` or `block`. */
export function readRules(
  reading: Reading,
  kind: Rule['kind'],
  node: YamlNode | undefined,
): Rule[] {
  const rules = reading.walk.entries(node, kind).map((entry) => readRule(reading, kind, entry))
  return rules.filter((rule) => rule !== undefined)
}

/** A rule's name stands in logs and explanations: it must name one rule only. */
export function refuseSharedNames({ walk }: Reading, rules: readonly Rule[]): void {
  const seen = new Map<string, Rule>()
  for (const rule of rules) {
    const first = seen.get(rule.name)
    if (first) {
      const message = `there is another rule ${rule.name}, in line ${first.at.line}`
      walk.refuse(rule.at, message, { code: 'ERR_POLICY_RULE_NAME', fix: 'rename one of them' })
    }
    seen.set(rule.name, first ?? rule)
  }
}

function readRule(reading: Reading, kind: Rule['kind'], entry: YamlEntry): Rule | undefined {
  const { walk } = reading
  const name = entry.key
  const badName = nameProblem(name)
  if (badName) return walk.refuse(entry.keyAt, badName, { code: 'ERR_POLICY_RULE_NAME' })
  const parts = walk.map(entry.value, {
    what: `rule ${name}`,
    keys: ['who', 'to', 'except', 'ports'],
    required: kind === 'allow' ? ['who', 'to', 'ports'] : ['who', 'to'],
    later: LATER_RULE,
  })
  const part = (key: 'who' | 'to' | 'except' | 'ports') => parts.get(key)?.value
  const who = optional(part('who'), (node) => readWho(reading, node))
  const to = optional(part('to'), (node) => readTargets(reading, node, kind))
  const except = optional(part('except'), (node) => readTargets(reading, node, 'except'))
  const ports = optional(part('ports'), (node) => readPortList(reading, node, BARE[kind]))
  if (!who || !to) return undefined
  return { kind, name, at: entry.keyAt, who, to, except: except ?? [], ports: ports ?? ALL_PORTS }
}

function nameProblem(name: string): string | undefined {
  if (name === 'no-rule')
    return 'a rule cannot be called no-rule: it is what answers say without one'
  if (isWord(name)) return undefined
  return 'the name of a rule has letters, digits, dots and hyphens only, at most 100'
}

/** Of a port without a protocol: a block that forgets QUIC is no block. */
const BARE: Record<Rule['kind'], readonly Protocol[]> = { allow: ['tcp'], block: ['tcp', 'udp'] }

function optional<Value>(
  node: YamlNode | undefined,
  read: (node: YamlNode) => Value | undefined,
): Value | undefined {
  return node === undefined ? undefined : read(node)
}

function readPortList(
  { walk }: Reading,
  node: YamlNode,
  bare: readonly Protocol[],
): PortRange[] | undefined {
  const nodes = walk.oneOrMore(node)
  if (nodes.length === 0) {
    const fix = 'write the ports, or all'
    return walk.refuse(node.at, 'the list of ports is empty', { code: 'ERR_POLICY_PORTS', fix })
  }
  const ranges = nodes.flatMap((each) => {
    const read = each.kind === 'scalar' ? readPorts(each.source, bare) : undefined
    if (!read) walk.refuse(each.at, PORTS.message, PORTS)
    return read ?? []
  })
  return ranges
}

const PORTS = {
  code: 'ERR_POLICY_PORTS',
  message: 'this is not a port: ports are 1 to 65535',
  fix: 'write 443, 8000-8999, udp/53, a list such as [22, 443], or all',
} as const
