import type { YamlEntry, YamlNode } from '../../process/yaml.ts'
import type { Requester, UnknownClaims } from '../requester.ts'
import { readWhoAtom } from '../who.ts'
import { LATER_AS } from './later.ts'
import type { Reading } from './reading.ts'

const KEYS = ['email', 'issuer', 'claims', 'unknown', 'service', 'network'] as const
type Parts = ReadonlyMap<(typeof KEYS)[number], YamlEntry>

/** Reads `as` of a test. What is absent is false, what stands under `unknown` is unknown. */
export function readSubject(reading: Reading, node: YamlNode): Requester | undefined {
  const { walk } = reading
  const before = walk.problemCount
  const parts: Parts = walk.map(node, { what: 'as', keys: KEYS, later: LATER_AS })
  if (walk.problemCount > before) return undefined
  const kinds = KINDS.filter((keys) => keys.some((key) => parts.has(key)))
  if (kinds.length !== 1) {
    const message = 'as must be one of: a person (email, issuer, claims), a service, a network'
    return walk.refuse(node.at, message, { code: 'ERR_POLICY_TEST_AS' })
  }
  const service = parts.get('service') ?? parts.get('network')
  return service ? readMachine(reading, service) : readPerson(reading, parts, node)
}

const KINDS = [['email', 'issuer', 'claims', 'unknown'], ['service'], ['network']] as const

function readMachine(reading: Reading, { key, value }: YamlEntry): Requester | undefined {
  const id = reading.walk.text(value, key)
  if (id === undefined) return undefined
  const read = readWhoAtom(`${key}:${id}`)
  if (read.kind === 'atom' && read.atom.kind === 'service') return { kind: 'service', id }
  if (read.kind === 'atom' && read.atom.kind === 'network') return { kind: 'network', id }
  return reading.walk.refuse(value.at, `this is not the name of a ${key}`)
}

function readPerson(reading: Reading, parts: Parts, node: YamlNode): Requester | undefined {
  const issuer = readIssuer(reading, parts, node)
  const email = parts.has('email') ? readEmail(reading, parts.get('email')?.value) : undefined
  const claims = readClaims(reading, parts.get('claims')?.value)
  const unknownClaims = readUnknown(reading, parts.get('unknown')?.value, issuer)
  const subject = email ?? 'somebody'
  const byIssuer = new Map([[issuer ?? '', claims]])
  return { kind: 'person', issuer: issuer ?? '', subject, email, claims: byIssuer, unknownClaims }
}

function readEmail({ walk }: Reading, node: YamlNode | undefined): string | undefined {
  const text = node && walk.text(node, 'email')
  if (!node || text === undefined) return undefined
  const read = readWhoAtom(text)
  if (read.kind === 'atom' && read.atom.kind === 'address') return read.atom.address
  return walk.refuse(node.at, 'email must be a whole mail address')
}

/** The provider of the claims: named, or the only one that the rules name. */
function readIssuer(reading: Reading, parts: Parts, node: YamlNode): string | undefined {
  const named = parts.get('issuer')?.value
  if (named) return reading.walk.text(named, 'issuer')
  const [only, ...others] = reading.providers
  if (others.length === 0 || !(parts.has('claims') || parts.has('unknown'))) return only
  const fix = `add issuer: ${only}`
  const message = 'a test with claims needs its issuer, for the rules name several'
  return reading.walk.refuse(node.at, message, { code: 'ERR_POLICY_TEST_AS', fix })
}

function readClaims({ walk }: Reading, node: YamlNode | undefined): Record<string, unknown> {
  const claims: Record<string, unknown> = Object.create(null)
  for (const { key, value } of walk.entries(node, 'claims')) {
    const values = walk.oneOrMore(value).map((each) => {
      if (each.kind === 'scalar' && each.value !== null) return each.value
      return walk.refuse(each.at, `claim ${key} must be a text or a list of texts`)
    })
    claims[key] = value.kind === 'list' ? values : values[0]
  }
  return claims
}

function readUnknown(
  { walk }: Reading,
  node: YamlNode | undefined,
  issuer: string | undefined,
): UnknownClaims | undefined {
  if (!node) return undefined
  const unknown = new Map<string, Set<string>>()
  for (const item of walk.oneOrMore(node)) {
    const text = walk.text(item, 'an unknown fact')
    const match = /^(?:claim:)?(?:([A-Za-z0-9][A-Za-z0-9._-]*)\/)?([^=\s]+)$/.exec(text ?? '')
    const [, provider = issuer ?? '', claim = ''] = match ?? []
    if (!match) walk.refuse(item.at, 'this is no fact', { fix: 'write claim:okta/groups' })
    else unknown.set(provider, (unknown.get(provider) ?? new Set()).add(claim))
  }
  return unknown
}
