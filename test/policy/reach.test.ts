import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseHostname } from '../../names/hostname.ts'
import { formatPattern, parsePattern } from '../../names/pattern.ts'
import { compile } from '../../policy/compile.ts'
import { parsePolicy } from '../../policy/parse.ts'
import { isUnlistedFor, mayReachSomePort, unlistedFor } from '../../policy/reach.ts'
import type { Requester } from '../../policy/requester.ts'
import { person } from './people.ts'

const policy = compile(
  parsePolicy(
    `version: 1
apps:
  payroll.corp.internal: { unlisted: true }
  "*.lab.corp.internal": { unlisted: true }
  wiki.corp.internal: { unlisted: false }
allow:
  erin-payroll:  { who: erin@example.com, to: payroll.corp.internal, ports: [80-90, udp/53] }
  finance:       { who: claim:okta/groups=finance, to: payroll.corp.internal, ports: 443 }
  fay-one-lab:   { who: fay@example.com, to: one.lab.corp.internal, ports: 22 }
  all-of-corp:   { who: root@example.com, to: domain:corp.internal, ports: all }
block:
  not-the-low:   { who: erin@example.com, to: payroll.corp.internal, ports: 1-85 }
  gil-not-at-all: { who: gil@example.com, to: domain:corp.internal }
`,
    'policy.yaml',
  ),
)
const erin = person('erin@example.com')
const gil = person('gil@example.com', { groups: ['finance'] })
const payroll = parseHostname('payroll.corp.internal')

describe('reaching some port of a name', () => {
  const CASES: [string, Requester, boolean][] = [
    ['what is left of an allow beside a block', erin, true],
    ['nothing that any rule allows', person('x@example.com'), false],
    [
      'what would be allowed with a claim that is not known',
      person('x@example.com', {}, ['groups']),
      true,
    ],
    ['what a block takes away whole', gil, false],
    ['a service that no rule names', { kind: 'service', id: 'ci' }, false],
  ]
  for (const [what, who, expected] of CASES) {
    it(`is ${expected} for ${what}`, () => {
      assert.equal(mayReachSomePort(policy, who, payroll, 0), expected)
    })
  }

  it('is false where a block begins one port before the allow and ends with it', () => {
    const text = `version: 1
allow: { a: { who: x@example.com, to: a.corp.internal, ports: 10-20 } }
block: { b: { who: x@example.com, to: a.corp.internal, ports: 9-20 } }`
    const tight = compile(parsePolicy(text, 'f'))
    assert.equal(
      mayReachSomePort(tight, person('x@example.com'), parseHostname('a.corp.internal'), 0),
      false,
    )
    const loose = compile(parsePolicy(text.replace('9-20', '9-19'), 'f'))
    assert.equal(
      mayReachSomePort(loose, person('x@example.com'), parseHostname('a.corp.internal'), 0),
      true,
    )
  })

  it('is false for a name that is not private', () => {
    const world = { isPrivate: () => false, isPublished: () => true }
    assert.equal(mayReachSomePort(policy, erin, payroll, 0, world), false)
  })
})

describe('an unlisted app', () => {
  const catalogue = [
    'payroll.corp.internal',
    'wiki.corp.internal',
    '*.lab.corp.internal',
    'one.lab.corp.internal',
    '*.corp.internal',
  ].map(parsePattern)
  const kept = (who: Requester) => unlistedFor(policy, who, catalogue, 0).map(formatPattern)

  it('is kept from those who may reach none of it, and a listed one from nobody', () => {
    assert.deepEqual(kept(person('x@example.com')), [
      'payroll.corp.internal',
      '*.lab.corp.internal',
      'one.lab.corp.internal',
    ])
    assert.deepEqual(kept(gil), [
      'payroll.corp.internal',
      '*.lab.corp.internal',
      'one.lab.corp.internal',
    ])
  })

  it('is shown to those who may, or would with a fact that is not known', () => {
    assert.deepEqual(kept(person('root@example.com')), [])
    assert.deepEqual(kept(erin), ['*.lab.corp.internal', 'one.lab.corp.internal'])
    assert.deepEqual(kept(person('x@example.com', {}, ['groups'])), [
      '*.lab.corp.internal',
      'one.lab.corp.internal',
    ])
  })

  it('is one where the most specific word about it says so', () => {
    const text = `version: 1
apps: { "domain:corp.internal": { unlisted: true }, wiki.corp.internal: { unlisted: false } }`
    const hidden = unlistedFor(compile(parsePolicy(text, 'f')), erin, catalogue, 0)
    assert.deepEqual(
      hidden.map(formatPattern),
      catalogue.map(formatPattern).filter((name) => name !== 'wiki.corp.internal'),
    )
  })

  it('of many names is shown to those who may reach one of them', () => {
    assert.deepEqual(kept(person('fay@example.com')), ['payroll.corp.internal'])
    assert.ok(
      isUnlistedFor(policy, person('fay@example.com'), parsePattern('two.lab.corp.internal'), 0),
    )
  })
})
