import { readFileSync } from 'node:fs'
import { type Check, check } from '../../policy/check.ts'
import { formatProblem } from '../../process/yaml.ts'
import { EXIT, type Output } from '../output.ts'

/** Checks a file and prints what was found; gives the exit code. */
export function checkFile(file: string, asJson: boolean, out: Output): number {
  const text = readPolicyFile(file, out)
  if (text === undefined) return EXIT.usage
  const found = check(text, nameOf(file))
  if (asJson) out.json({ schema: 1, file: nameOf(file), ...summaryOf(found) })
  else print(found, nameOf(file), text, out)
  return exitCodeOf(found)
}

/** The text of a policy file, or `undefined` after saying why there is none. */
export function readPolicyFile(file: string, out: Output): string | undefined {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const { code: errno } = error as NodeJS.ErrnoException
    const why = errno === 'ENOENT' ? 'there is no such file' : `reading it gave ${errno}`
    const fix = 'byname policy check FILE'
    out.fail({ what: `cannot read ${nameOf(file)}`, why, fix, code: 'ERR_UNREADABLE' })
    return undefined
  }
}

export const nameOf = (file: string) => (file === '-' ? 'standard input' : file)

function exitCodeOf(found: Check): number {
  if (found.kind === 'accepted') return EXIT.ok
  return found.why === 'tests' ? EXIT.no : EXIT.usage
}

function summaryOf(found: Check) {
  const { kind, warnings } = found
  if (kind === 'refused')
    return { result: kind, why: found.why, problems: found.problems, warnings }
  return {
    result: kind,
    problems: [],
    warnings,
    rules: found.policy.rules.length,
    tests: found.tests.length,
  }
}

function print(found: Check, file: string, text: string, out: Output): void {
  const problems = found.kind === 'refused' ? found.problems : []
  for (const problem of problems) out.line(formatProblem(problem, text))
  for (const warning of found.warnings) {
    out.line(formatProblem({ ...warning, message: `warning: ${warning.message}` }, text))
  }
  out.line(`${file}: ${verdictOf(found)}`)
}

function verdictOf(found: Check): string {
  const warnings = count(found.warnings.length, 'warning')
  if (found.kind === 'accepted') {
    const tests = count(found.tests.length, 'test')
    return `accepted, ${count(found.policy.rules.length, 'rule')}, ${tests}, ${warnings}`
  }
  const what = found.why === 'tests' ? 'failing test' : 'problem'
  return `refused, ${count(found.problems.length, what)}, ${warnings}`
}

const count = (many: number, what: string) => `${many} ${what}${many === 1 ? '' : 's'}`
