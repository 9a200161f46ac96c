import { ConfigError, type Problem } from '../process/yaml.ts'
import { compile, type Policy } from './compile.ts'
import { describe } from './decision.ts'
import type { PolicyDocument } from './document.ts'
import { checkClaims, findSlips, problem } from './lint.ts'
import { parsePolicy } from './parse.ts'
import { formatExpectation, formatTest, runTests, type TestResult } from './tests.ts'

export type Check =
  | {
      readonly kind: 'accepted'
      readonly policy: Policy
      readonly warnings: readonly Problem[]
      readonly tests: readonly TestResult[]
    }
  | {
      readonly kind: 'refused'
      readonly problems: readonly Problem[]
      readonly warnings: readonly Problem[]
      /** `tests`: the document reads well, but a test of its own fails. */
      readonly why: 'document' | 'tests'
    }

export interface CheckOptions {
  /**
   * The names of the edge's identity providers. With them, a claim of a provider that is not there
   * and a claim without its provider where there are several are refused. Without them (a file
   * checked on its own) the latter is a warning.
   */
  readonly providers?: readonly string[]
}

/** Reads, resolves and tests a policy file. A file whose tests fail is refused. */
export function check(text: string, file: string, options: CheckOptions = {}): Check {
  const read = readDocument(text, file)
  if (read.kind === 'refused') return read
  const claims = checkClaims(read.document, options.providers)
  const warnings = [...claims.warnings, ...findSlips(read.document)]
  if (claims.problems.length > 0) {
    return { kind: 'refused', why: 'document', problems: claims.problems, warnings }
  }
  return runChecks(read.document, warnings)
}

function readDocument(text: string, file: string): Read {
  try {
    return { kind: 'read', document: parsePolicy(text, file) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { kind: 'refused', why: 'document', problems: error.problems, warnings: [] }
  }
}

type Read =
  | { readonly kind: 'read'; readonly document: PolicyDocument }
  | Extract<Check, { kind: 'refused' }>

function runChecks(document: PolicyDocument, earlier: readonly Problem[]): Check {
  const policy = compile(document)
  const tests = runTests(policy)
  const { file } = document
  const warnings = [...earlier, ...tests.flatMap((result) => warningsOf(file, result))]
  const problems = tests.flatMap((result) => problemsOf(file, result))
  if (problems.length > 0) return { kind: 'refused', why: 'tests', problems, warnings }
  return { kind: 'accepted', policy, warnings, tests }
}

function problemsOf(file: string, { test, outcome, decision }: TestResult): Problem[] {
  if (outcome !== 'failed') return []
  const got = `${decision.kind}: ${describe(decision)}`
  const message = `test fails: ${formatTest(test)} should be ${formatExpectation(test.expect)}, but is ${got}`
  return [problem(file, test.at, 'ERR_POLICY_TEST_FAILED', message)]
}

function warningsOf(file: string, { test, outcome, decision }: TestResult): Problem[] {
  if (outcome === 'untested') {
    const message = 'not tested: whether anybody publishes a port is not in the file'
    return [problem(file, test.at, 'WARN_POLICY_TEST_UNTESTED', message)]
  }
  if (outcome !== 'passed-loosely') return []
  const message = 'a bare "deny" passes for any reason, also for a slip in the test itself'
  const fix = `write "${exactly(decision)}"`
  return [problem(file, test.at, 'WARN_POLICY_TEST_LOOSE', message, fix)]
}

function exactly(decision: TestResult['decision']): string {
  if (decision.kind === 'allow') return 'allow'
  if (decision.why === 'blocked') return `deny by ${decision.rule}`
  if (decision.why === 'unmet') return `deny unmet ${decision.conditions[0] ?? 'FACT'}`
  return `deny ${decision.why}`
}
