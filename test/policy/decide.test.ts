import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compile } from '../../policy/compile.ts'
import { decide } from '../../policy/decide.ts'
import { ANY_WORLD, describe as describeDecision, type World } from '../../policy/decision.ts'
import { emptyDocument } from '../../policy/document.ts'
import { parsePolicy } from '../../policy/parse.ts'
import type { Requester } from '../../policy/requester.ts'
import { ask, briefly, person, requestFor } from './people.ts'
import { SAMPLE } from './sample.ts'

const fay = person('fay@example.com', { groups: ['engineering'] })
const pager: Requester = { kind: 'service', id: 'pager' }
const branch: Requester = { kind: 'network', id: 'branch-zurich' }

describe('the sample document', () => {
  const cases: [string, Requester, string, string][] = [
    [
      'a member of a group by claim',
      fay,
      'git.corp.internal:22',
      'allow by engineers-reach-source',
    ],
    [
      'a wildcard member of a set',
      fay,
      'a.ci.corp.internal:443',
      'allow by engineers-reach-source',
    ],
    ['two labels below a wildcard', fay, 'a.b.ci.corp.internal:443', 'deny no-rule'],
    ['the base of a wildcard itself', fay, 'ci.corp.internal:443', 'deny no-rule'],
    ['another port', fay, 'git.corp.internal:80', 'deny no-rule'],
    ['UDP where TCP is meant', fay, 'git.corp.internal:udp/443', 'deny no-rule'],
    [
      'a mail domain',
      person('x@example.com'),
      'wiki.corp.internal:443',
      'allow by everyone-reads-the-wiki',
    ],
    ['a mail domain below it', person('x@a.example.com'), 'wiki.corp.internal:443', 'deny no-rule'],
    [
      'a mail domain that only ends so',
      person('x@badexample.com'),
      'wiki.corp.internal:443',
      'deny no-rule',
    ],
    [
      'two at signs',
      person('x@example.com@evil.example'),
      'wiki.corp.internal:443',
      'deny no-rule',
    ],
    [
      'two at signs, the right domain last',
      person('x@evil.example@example.com'),
      'wiki.corp.internal:443',
      'deny no-rule',
    ],
    [
      'capitals in an address',
      person('X@EXAMPLE.com'),
      'wiki.corp.internal:443',
      'allow by everyone-reads-the-wiki',
    ],
    ['no address', person(undefined), 'wiki.corp.internal:443', 'deny no-rule'],
    ['a service in a group', pager, 'a.db.corp.internal:5432', 'allow by oncall-fixes-databases'],
    ['a service and a mail domain', pager, 'wiki.corp.internal:443', 'deny no-rule'],
    ['a range of ports', pager, 'a.db.corp.internal:8999', 'allow by oncall-fixes-databases'],
    ['the end of a range', pager, 'a.db.corp.internal:9000', 'deny no-rule'],
    ['a UDP port', pager, 'a.db.corp.internal:udp/53', 'allow by oncall-fixes-databases'],
    ['a name that is excepted', pager, 'payroll.db.corp.internal:5432', 'deny no-rule'],
    ['a domain in a set', pager, 'a.b.logs.corp.internal:8080', 'allow by oncall-fixes-databases'],
    ['the base of a domain', pager, 'logs.corp.internal:8080', 'allow by oncall-fixes-databases'],
    [
      'somebody whom none keeps out',
      person('c@contractor.example', { groups: 'sre-oncall' }),
      'a.db.corp.internal:5432',
      'deny no-rule',
    ],
    ['a network', branch, 'print.corp.internal:9100', 'allow by branch-prints'],
    [
      'another network',
      { kind: 'network', id: 'branch' },
      'print.corp.internal:9100',
      'deny no-rule',
    ],
    [
      'a blocked person',
      person('erin@example.com', { groups: ['suspended'] }),
      'payroll.corp.internal:443',
      'deny blocked by nobody-suspended',
    ],
    [
      'a blocked person where nothing is allowed',
      person('z@example.com', { groups: ['suspended'] }),
      'nothing.example.com:1',
      'deny blocked by nobody-suspended',
    ],
    [
      'a blocked port, on UDP too',
      person('erin@example.com'),
      'payroll.corp.internal:udp/23',
      'deny blocked by no-telnet',
    ],
    [
      'a network under a block of anyone',
      branch,
      'print.corp.internal:23',
      'deny blocked by no-telnet',
    ],
    [
      'an unknown claim in an allow',
      person('z@contractor.example', {}, ['groups']),
      'git.corp.internal:22',
      'deny unmet by nobody-suspended: claim:okta/groups',
    ],
    [
      'an unknown claim in a block of somebody else allowed',
      person('erin@example.com', {}, ['groups']),
      'payroll.corp.internal:443',
      'deny unmet by nobody-suspended: claim:okta/groups',
    ],
    [
      'an unknown claim where nothing may be allowed',
      person('z@example.com', {}, ['groups']),
      'nothing.example.com:1',
      'deny no-rule',
    ],
    [
      'an unknown claim of a matter that no rule asks for',
      person('erin@example.com', {}, ['title']),
      'payroll.corp.internal:443',
      'allow by erin-sees-payroll',
    ],
  ]
  for (const [what, who, target, expected] of cases) {
    it(`answers ${what}: ${expected}`, () => {
      assert.equal(briefly(ask(SAMPLE, who, target)), expected)
    })
  }
})

describe('a claim', () => {
  const doc = (selector: string) => `version: 1
allow:
  it:
    who: ${selector}
    to: a.corp.internal
    ports: 1
`
  const holds = (selector: string, who: Requester) =>
    ask(doc(selector), who, 'a.corp.internal:1').kind === 'allow'

  it('matches a text, a list, a number and a truth value by its whole text', () => {
    assert.ok(holds('claim:okta/groups=a b', person('x@e.example', { groups: 'a b' })))
    assert.ok(holds('claim:okta/groups=b', person('x@e.example', { groups: ['a', 'b'] })))
    assert.ok(holds('claim:okta/level=3', person('x@e.example', { level: 3 })))
    assert.ok(holds('claim:okta/admin=true', person('x@e.example', { admin: true })))
    assert.ok(!holds('claim:okta/groups=a', person('x@e.example', { groups: 'A' })))
    assert.ok(!holds('claim:okta/groups=a', person('x@e.example', { groups: 'ab' })))
    assert.ok(!holds('claim:okta/groups=a', person('x@e.example', { groups: [['a']] })))
    assert.ok(!holds('claim:okta/groups=a', person('x@e.example', { groups: { a: true } })))
    assert.ok(!holds('claim:okta/groups=null', person('x@e.example', { groups: null })))
  })

  it('may have a URL for a name', () => {
    const who = person('x@e.example', { 'https://example.com/roles': ['admin'] })
    assert.ok(holds('claim:okta/https://example.com/roles=admin', who))
    assert.ok(holds('claim:https://example.com/roles=admin', who))
  })

  it('is not matched by another provider, and without a provider only where there is one', () => {
    const claims = new Map<string, Record<string, unknown>>([['github', { groups: ['a'] }]])
    const one: Requester = { ...person('x@e.example'), claims, unknownClaims: undefined }
    assert.ok(!holds('claim:okta/groups=a', one))
    assert.ok(holds('claim:groups=a', one))
    const two = { ...one, claims: new Map([...claims, ['okta', {}]]) }
    assert.ok(!holds('claim:groups=a', two))
  })

  it('holds where a known value matches, though more may be unknown', () => {
    assert.ok(holds('claim:okta/groups=a', person('x@e.example', { groups: ['a'] }, ['groups'])))
  })

  it('cannot be forged by a claim whose name carries the separators of another', () => {
    const hostile = { 'groups","admin': 'x', '"groups","admin"': 'x', 'groups=admin': 'x' }
    assert.ok(!holds('claim:okta/groups=admin', person('x@e.example', hostile)))
  })

  it('is never one of Object.prototype', () => {
    assert.ok(!holds('claim:okta/toString=x', person('x@e.example', {})))
  })
})

describe('an address', () => {
  it('is folded in ASCII only: the Kelvin sign is no k', () => {
    const text = 'version: 1\nallow: {r: {who: kim@example.com, to: a.b.internal, ports: 1}}\n'
    assert.equal(ask(text, person('KIM@example.com'), 'a.b.internal:1').kind, 'allow')
    assert.equal(ask(text, person('\u212aim@example.com'), 'a.b.internal:1').kind, 'deny')
  })
})

describe('who with any, all and none', () => {
  const text = `version: 1
allow:
  both:
    who: { all: ["*@example.com", claim:okta/groups=a] }
    to: both.corp.internal
    ports: 1
  nested:
    who: { any: [x@other.example, { all: ["*@example.com"], none: claim:okta/groups=b }] }
    to: nested.corp.internal
    ports: 1
  three:
    who: { any: [a@example.com, b@example.com], all: claim:okta/groups=a, none: b@example.com }
    to: three.corp.internal
    ports: 1
`
  const cases: [string, Requester, string, string][] = [
    ['each of all', person('x@example.com', { groups: 'a' }), 'both', 'allow by both'],
    ['one of all', person('x@example.com'), 'both', 'deny no-rule'],
    ['the other of all', person('x@other.example', { groups: 'a' }), 'both', 'deny no-rule'],
    [
      'unknown of all',
      person('x@example.com', {}, ['groups']),
      'both',
      'deny unmet by both: claim:okta/groups',
    ],
    ['no and unknown of all', person('x@other.example', {}, ['groups']), 'both', 'deny no-rule'],
    ['the first of any', person('x@other.example', { groups: 'b' }), 'nested', 'allow by nested'],
    ['the second of any', person('x@example.com'), 'nested', 'allow by nested'],
    ['one kept out by none', person('x@example.com', { groups: 'b' }), 'nested', 'deny no-rule'],
    [
      'one perhaps kept out',
      person('x@example.com', {}, ['groups']),
      'nested',
      'deny unmet by nested: claim:okta/groups',
    ],
    ['any, all and none', person('a@example.com', { groups: 'a' }), 'three', 'allow by three'],
    ['any and all, but none', person('b@example.com', { groups: 'a' }), 'three', 'deny no-rule'],
  ]
  for (const [what, who, name, expected] of cases) {
    it(`answers ${what}: ${expected}`, () => {
      assert.equal(briefly(ask(text, who, `${name}.corp.internal:1`)), expected)
    })
  }
})

describe('the conditions of an unmet answer', () => {
  it('are the facts that are not known, each once, and no others', () => {
    const text = `version: 1
groups: { g: [claim:okta/a=1, claim:okta/b=1, claim:okta/c=1] }
allow: { r: { who: { all: [group:g, claim:okta/d=1], none: claim:okta/b=2 }, to: x.corp.internal, ports: 1 } }
`
    const who = person('x@example.com', { d: '1', c: '2' }, ['a', 'b'])
    const expected = 'deny unmet by r: claim:okta/a, claim:okta/b'
    assert.equal(briefly(ask(text, who, 'x.corp.internal:1')), expected)
  })
})

describe('the rule that is named', () => {
  const rules = (...lines: string[]) =>
    `version: 1\nallow:\n${lines.map((l) => `  ${l}\n`).join('')}`
  const erin = person('erin@example.com', { groups: 'a' })
  const to = (pattern: string, who = 'erin@example.com') =>
    `{ who: ${who}, to: ${pattern}, ports: 1 }`
  const named = (text: string) => {
    const decision = ask(text, erin, 'x.db.corp.internal:1')
    return 'rule' in decision ? decision.rule : undefined
  }

  it('is the one of the most specific name, wherever it stands in the file', () => {
    const lines = [
      `a-domain: ${to('domain:corp.internal')}`,
      `b-longer: ${to('domain:db.corp.internal')}`,
      `c-wild: ${to('"*.db.corp.internal"')}`,
      `d-host: ${to('x.db.corp.internal')}`,
    ]
    for (const expected of ['d-host', 'c-wild', 'b-longer', 'a-domain']) {
      assert.equal(named(rules(...lines)), expected)
      assert.equal(named(rules(...lines.toReversed())), expected)
      lines.pop()
    }
  })

  it('is then the one of the most specific who, then the first by name', () => {
    const name = 'x.db.corp.internal'
    const lines = [
      `a: ${to(name, 'anyone')}`,
      `b: ${to(name, '"*@example.com"')}`,
      `c: ${to(name, 'claim:okta/groups=a')}`,
      `d: ${to(name, '[anyone, group:g]')}`,
      `f: ${to(name)}`,
      `e: ${to(name)}`,
    ]
    const text = (some: string[]) => `${rules(...some)}groups: { g: claim:okta/groups=a }\n`
    for (const expected of ['e', 'f', 'd', 'c', 'b', 'a']) {
      assert.equal(named(text(lines)), expected)
      assert.equal(named(text(lines.toReversed())), expected)
      lines.pop()
    }
  })

  it('is one that certainly holds before one that may', () => {
    const text = rules(
      `may: ${to('x.db.corp.internal', 'claim:okta/title=x')}`,
      `does: ${to('domain:corp.internal')}`,
    )
    const who = person('erin@example.com', {}, ['title'])
    assert.equal(briefly(ask(text, who, 'x.db.corp.internal:1')), 'allow by does')
  })
})

describe('the world', () => {
  const policy = compile(parsePolicy(SAMPLE, 'policy.yaml'))
  const request = requestFor(fay, 'git.corp.internal:22')
  const world = (isPrivate: boolean, isPublished: boolean): World => ({
    isPrivate: () => isPrivate,
    isPublished: () => isPublished,
  })

  it('turns an allow of what nobody publishes into not-published, naming the rule', () => {
    const expected = 'deny not-published by engineers-reach-source'
    assert.equal(briefly(decide(policy, request, world(true, false))), expected)
    assert.equal(briefly(decide(policy, request, world(false, true))), expected)
  })

  it('widens nothing: what no rule allows stays so, published or not', () => {
    const other = requestFor(fay, 'other.corp.internal:22')
    assert.equal(briefly(decide(policy, other, ANY_WORLD)), 'deny no-rule')
    assert.equal(briefly(decide(policy, other, world(true, false))), 'deny no-rule')
  })

  it('is asked for the very name and port', () => {
    const asked: unknown[] = []
    const spy: World = {
      isPrivate: (name) => asked.push(name) > 0,
      isPublished: (...args) => asked.push(args) > 0,
    }
    decide(policy, request, spy)
    assert.deepEqual(asked, ['git.corp.internal', ['git.corp.internal', 22, 'tcp']])
  })
})

describe('no policy', () => {
  it('denies everybody everything', () => {
    for (const document of [
      emptyDocument('none'),
      parsePolicy('', 'f'),
      parsePolicy('version: 1', 'f'),
    ]) {
      const decision = decide(
        compile(document),
        requestFor(fay, 'wiki.corp.internal:443'),
        ANY_WORLD,
      )
      assert.equal(briefly(decision), 'deny no-rule')
    }
  })
})

describe('a decision in words', () => {
  const cases: [Parameters<typeof describeDecision>[0], string][] = [
    [{ kind: 'allow', rule: 'r' }, 'rule r allows it'],
    [{ kind: 'deny', why: 'no-rule' }, 'no rule allows it'],
    [{ kind: 'deny', why: 'blocked', rule: 'r' }, 'rule r blocks it'],
    [
      { kind: 'deny', why: 'unmet', rule: 'r', conditions: ['claim:okta/groups'] },
      'rule r needs to know claim:okta/groups',
    ],
    [
      { kind: 'deny', why: 'not-published', rule: 'r' },
      'rule r allows it, but nobody publishes that port',
    ],
  ]
  for (const [decision, expected] of cases) {
    it(`is "${expected}"`, () => assert.equal(describeDecision(decision), expected))
  }
})
