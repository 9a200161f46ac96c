import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Check, type CheckOptions, check } from '../../policy/check.ts'
import { SAMPLE } from './sample.ts'

const told = (found: Check) => {
  const problems = found.kind === 'refused' ? found.problems : []
  return [...problems, ...found.warnings].map(
    ({ line, code, message }) => `${line} ${code}: ${message}`,
  )
}

const WORKS = 'allow: { r: { who: a@example.com, to: a.corp.internal, ports: 1 } }'
const checked = (rest: string, options?: CheckOptions) =>
  check(`version: 1\n${WORKS}\n${rest}`, 'policy.yaml', options)
const tested = (as: string, expect: string, rest = '') =>
  checked(`tests: [{ as: ${as}, to: a.corp.internal:1, expect: ${expect} }]\n${rest}`)

describe('a check', () => {
  it('accepts the sample and gives its policy and the outcome of each test', () => {
    const found = check(SAMPLE, 'policy.yaml')
    assert.ok(found.kind === 'accepted')
    assert.equal(found.policy.rules.length, 7)
    assert.deepEqual(
      found.tests.map(({ outcome }) => outcome),
      Array(6).fill('passed'),
    )
    assert.deepEqual(told(found), ['7 WARN_POLICY_UNUSED: no rule uses everybody'])
  })

  it('refuses a document with every problem in the order of the file', () => {
    const found = check(
      'version: 1\nallow: {r: {who: alice, to: wiki, ports: 0}}\nblok: {}',
      'policy.yaml',
    )
    assert.ok(found.kind === 'refused' && found.why === 'document')
    assert.deepEqual(
      found.problems.map(({ line, column }) => `${line}:${column}`),
      ['2:18', '2:29', '2:42', '3:1'],
    )
  })

  it('refuses a document whose tests fail, each with its place and what came out', () => {
    const found = tested('{ email: b@example.com }', 'allow')
    assert.ok(found.kind === 'refused' && found.why === 'tests')
    assert.deepEqual(told(found), [
      '3 ERR_POLICY_TEST_FAILED: test fails: b@example.com to a.corp.internal:1 should be allow, but is deny: no rule allows it',
    ])
  })

  it('warns where nothing is allowed, also of an empty file', () => {
    for (const text of ['', 'version: 1']) {
      const found = check(text, 'policy.yaml')
      assert.equal(found.kind, 'accepted')
      assert.deepEqual(told(found), [
        '1 WARN_POLICY_NOBODY: there is no allow: nobody reaches anything',
      ])
    }
  })

  it('warns of groups and sets that no rule uses', () => {
    const rest = `groups: { g: [], h: group:g }\nnames: { n: [], m: [] }
block: { b: { who: anyone, to: names:n, except: names:m } }`
    assert.deepEqual(told(checked(rest)), ['3 WARN_POLICY_UNUSED: no rule uses h'])
  })
})

describe('a test of a document', () => {
  const BLOCK = 'block: { b: { who: claim:okta/g=1, to: anything } }'
  const PASSES: [string, string][] = [
    ['{ email: a@example.com }', 'allow'],
    ['{ email: A@Example.com, claims: { g: 2 } }', 'allow'],
    ['{ email: a@example.com, claims: { g: ["2", "1"] } }', 'deny by b'],
    ['{ email: a@example.com, claims: { g: 1 } }', 'deny by b'],
    ['{ email: a@example.com, unknown: okta/g }', 'deny unmet claim:okta/g'],
    ['{ email: b@example.com, unknown: [claim:g] }', 'deny no-rule'],
    ['{ service: ci }', 'deny no-rule'],
    ['{ network: branch }', 'deny no-rule'],
    ['{ issuer: github, claims: { g: 1 } }', 'deny no-rule'],
  ]
  for (const [as, expect] of PASSES) {
    it(`passes: ${as} ${expect}`, () => assert.deepEqual(told(tested(as, expect, BLOCK)), []))
  }

  const FAILS: [string, string][] = [
    ['{ email: a@example.com }', 'deny'],
    ['{ email: a@example.com }', 'deny no-rule'],
    ['{ email: a@example.com }', 'deny by b'],
    ['{ email: b@example.com }', 'deny by b'],
    ['{ email: b@example.com, claims: { g: 1 } }', 'deny no-rule'],
    ['{ email: a@example.com, unknown: g }', 'deny unmet claim:okta/h'],
    ['{ email: a@example.com, unknown: g }', 'allow'],
    ['{ email: b@example.com }', 'deny not-published'],
  ]
  for (const [as, expect] of FAILS) {
    it(`fails: ${as} ${expect}`, () => {
      const found = tested(as, expect, BLOCK)
      assert.ok(found.kind === 'refused' && found.why === 'tests')
    })
  }

  it('with a bare deny passes with a warning that says what to write', () => {
    const found = tested('{ email: b@example.com, claims: { g: 1 } }', 'deny', BLOCK)
    assert.equal(found.kind, 'accepted')
    assert.equal(found.warnings[0]?.fix, 'write "deny by b"')
  })

  it('that expects not-published is left open: connectors come and go, the file stays', () => {
    const found = tested('{ email: a@example.com }', 'deny not-published')
    assert.ok(found.kind === 'accepted')
    assert.equal(found.tests[0]?.outcome, 'untested')
    assert.equal(found.warnings[0]?.code, 'WARN_POLICY_TEST_UNTESTED')
  })
})

describe('claims and the providers of the edge', () => {
  const codes = (claim: string, providers?: string[]) =>
    checked(`block: { b: { who: ${claim}, to: anything } }`, providers ? { providers } : {})

  it('without its provider a claim is refused where there are several or none', () => {
    for (const providers of [['okta', 'github'], []]) {
      const found = codes('claim:g=1', providers)
      assert.ok(found.kind === 'refused')
      assert.equal(found.problems[0]?.code, 'ERR_POLICY_PROVIDER')
    }
  })

  it('without its provider a claim is accepted where there is one, with a warning where it is not known', () => {
    assert.deepEqual(told(codes('claim:g=1', ['okta'])), [])
    assert.equal(codes('claim:g=1').warnings[0]?.code, 'WARN_POLICY_PROVIDER')
  })

  it('of a provider that is not there are warned of, also inside a group', () => {
    assert.equal(codes('claim:gitlab/g=1', ['okta']).warnings[0]?.code, 'WARN_POLICY_PROVIDER')
    assert.deepEqual(told(codes('claim:okta/g=1', ['okta'])), [])
    const inGroup = checked(
      'groups: { h: claim:gitlab/g=1 }\nblock: { b: { who: group:h, to: anything } }',
      { providers: ['okta'] },
    )
    assert.equal(inGroup.warnings[0]?.line, 3)
  })
})
