import { findHostname, type Hostname } from '../../names/hostname.ts'
import type { YamlEntry, YamlNode } from '../../process/yaml.ts'
import type { Expectation, PolicyTest } from '../document.ts'
import { type Protocol, readPorts } from '../ports.ts'
import { LATER_TEST } from './later.ts'
import type { Reading } from './reading.ts'
import { readSubject } from './subject.ts'

/** Reads `tests`: who asks for what, and what the answer must be. */
export function readTests(
  reading: Reading,
  node: YamlNode | undefined,
  ruleNames: ReadonlySet<string>,
): PolicyTest[] {
  const tests = reading.walk.list(node, 'tests').map((item) => readTest(reading, item, ruleNames))
  return tests.filter((test) => test !== undefined)
}

/** Where a flow goes: `wiki.corp.internal:443`, `ns.corp.internal:udp/53`. */
export function readDestination(text: string): Destination | undefined {
  const colon = text.lastIndexOf(':')
  const name = findHostname(text.slice(0, Math.max(0, colon)))
  const [range, ...others] = readPorts(text.slice(colon + 1), ['tcp']) ?? []
  if (!name || !range || others.length > 0 || range.from !== range.to) return undefined
  return { name, port: range.from, protocol: range.protocol }
}

export interface Destination {
  readonly name: Hostname
  readonly port: number
  readonly protocol: Protocol
}

function readTest(
  reading: Reading,
  node: YamlNode,
  ruleNames: ReadonlySet<string>,
): PolicyTest | undefined {
  const keys = ['as', 'to', 'expect'] as const
  const shape = { what: 'a test', keys, required: keys, later: LATER_TEST }
  const parts = reading.walk.map(node, shape)
  const part = <Value>(key: (typeof keys)[number], read: Read<Value>) => {
    const entry: YamlEntry | undefined = parts.get(key)
    return entry && read(reading, entry.value)
  }
  const as = part('as', readSubject)
  const to = part('to', readTo)
  const expect = part('expect', (_, value) => readExpect(reading, value, ruleNames))
  return as && to && expect ? { at: node.at, as, ...to, expect } : undefined
}

type Read<Value> = (reading: Reading, node: YamlNode) => Value | undefined

function readTo({ walk }: Reading, node: YamlNode): Destination | undefined {
  const text = walk.text(node, 'to')
  if (text === undefined) return undefined
  const destination = readDestination(text)
  if (destination) return destination
  const fix = 'write wiki.corp.internal:443, or ns.corp.internal:udp/53'
  const message = `${JSON.stringify(text.slice(0, 80))} is not a host and a port`
  return walk.refuse(node.at, message, { code: 'ERR_POLICY_TEST_TO', fix })
}

function readExpect(
  { walk }: Reading,
  node: YamlNode,
  ruleNames: ReadonlySet<string>,
): Expectation | undefined {
  const text = walk.text(node, 'expect')
  if (text === undefined) return undefined
  const code = 'ERR_POLICY_EXPECT'
  if (/^allow via /.test(text)) {
    const message = '"allow via" is not yet supported: there is one way to an app in this version'
    return walk.refuse(node.at, message, { code: 'ERR_CONFIG_NOT_YET' })
  }
  const expectation = parseExpectation(text)
  if (!expectation) {
    const message = `${JSON.stringify(text.slice(0, 80))} is not an expectation`
    return walk.refuse(node.at, message, { code, fix: EXPECTATIONS })
  }
  if (expectation.kind !== 'deny-by' || ruleNames.has(expectation.rule)) return expectation
  return walk.refuse(node.at, `there is no block ${expectation.rule} in this file`, { code })
}

const EXPECTATIONS =
  'write allow, deny no-rule, deny by RULE, deny unmet FACT or deny not-published'

function parseExpectation(text: string): Expectation | undefined {
  if (text === 'allow') return { kind: 'allow' }
  if (text === 'deny') return { kind: 'deny' }
  if (text === 'deny no-rule') return { kind: 'deny-no-rule' }
  if (text === 'deny not-published') return { kind: 'deny-not-published' }
  const [, how, what = ''] = /^deny (by|unmet) (\S+)$/.exec(text) ?? []
  if (how === 'by') return { kind: 'deny-by', rule: what }
  return how === 'unmet' ? { kind: 'deny-unmet', condition: what } : undefined
}
