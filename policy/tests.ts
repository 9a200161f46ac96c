import type { Policy } from './compile.ts'
import { decide } from './decide.ts'
import { ANY_WORLD, type Decision } from './decision.ts'
import type { Expectation, PolicyTest } from './document.ts'
import { formatPort } from './ports.ts'
import { formatRequester } from './requester.ts'

/**
 * How one test of a document came out. `untested`: it expects `not-published`, which the document
 * alone cannot tell from `allow`. `passed-loosely`: it expects a bare `deny`, which any mistake in
 * the test satisfies.
 */
export interface TestResult {
  readonly test: PolicyTest
  readonly outcome: 'passed' | 'passed-loosely' | 'failed' | 'untested'
  readonly decision: Decision
}

/**
 * Runs the tests of a document on what it says by itself, every name private and published: a test
 * must not depend on which connector happens to be up.
 */
export function runTests(policy: Policy): TestResult[] {
  return policy.document.tests.map((test) => {
    const { as: who, name, port, protocol } = test
    const decision = decide(policy, { who, name, port, protocol, now: 0 }, ANY_WORLD)
    return { test, outcome: outcomeOf(test.expect, decision), decision }
  })
}

/** `alice@example.com to wiki.corp.internal:443`. */
export function formatTest({ as, name, port, protocol }: PolicyTest): string {
  return `${formatRequester(as)} to ${name}:${formatPort(port, protocol)}`
}

export function formatExpectation(expect: Expectation): string {
  switch (expect.kind) {
    case 'allow':
    case 'deny':
      return expect.kind
    case 'deny-by':
      return `deny by ${expect.rule}`
    case 'deny-no-rule':
      return 'deny no-rule'
    case 'deny-not-published':
      return 'deny not-published'
    case 'deny-unmet':
      return `deny unmet ${expect.condition}`
  }
}

function outcomeOf(expect: Expectation, decision: Decision): TestResult['outcome'] {
  if (expect.kind === 'deny-not-published') return decision.kind === 'allow' ? 'untested' : 'failed'
  if (expect.kind === 'deny') return decision.kind === 'deny' ? 'passed-loosely' : 'failed'
  return isAsExpected(expect, decision) ? 'passed' : 'failed'
}

type Exact = Exclude<Expectation, { kind: 'deny' | 'deny-not-published' }>

function isAsExpected(expect: Exact, decision: Decision): boolean {
  switch (expect.kind) {
    case 'allow':
      return decision.kind === 'allow'
    case 'deny-by':
      return isDenied(decision, 'blocked') && decision.rule === expect.rule
    case 'deny-no-rule':
      return isDenied(decision, 'no-rule')
    case 'deny-unmet':
      return isDenied(decision, 'unmet') && decision.conditions.includes(expect.condition)
  }
}

type Denied = Extract<Decision, { kind: 'deny' }>

function isDenied<Why extends Denied['why']>(
  decision: Decision,
  why: Why,
): decision is Extract<Denied, { why: Why }> {
  return decision.kind === 'deny' && decision.why === why
}
