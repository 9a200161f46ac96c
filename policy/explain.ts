import type { Policy } from './compile.ts'
import { truthOfWho } from './compile-who.ts'
import { type CompiledRule, isExcepted } from './compiled-rule.ts'
import { openQuestion } from './conditions.ts'
import { decide } from './decide.ts'
import { type Decision, describe, type PolicyRequest, type World } from './decision.ts'
import type { Rule } from './document.ts'
import { formatPort, formatPorts, includesPort } from './ports.ts'
import { formatRequester } from './requester.ts'
import { rulesAt } from './shelves.ts'
import { formatTarget } from './target.ts'
import { formatWho } from './who.ts'

/** A decision and why: every rule, what it found and where it stands in the file. */
export interface Explanation {
  readonly request: PolicyRequest
  readonly decision: Decision
  /** "allowed: rule … allows it", or what the answer depends on. */
  readonly answer: string
  /** In the order of the file. */
  readonly rules: readonly RuleTrace[]
}

export interface RuleTrace {
  readonly rule: string
  readonly kind: Rule['kind']
  readonly line: number
  readonly result: 'holds' | 'may-hold' | 'other-name' | 'excepted' | 'other-port' | 'other-person'
  readonly because: string
  /** For `may-hold`: "okta/groups has finance". */
  readonly question?: string | undefined
}

/** Asks the very functions that decide, rule by rule. */
export function explain(policy: Policy, request: PolicyRequest, world: World): Explanation {
  const decision = decide(policy, request, world)
  const filed = new Set(rulesAt(policy.spotsOf(request.name)))
  const rules = policy.rules
    .map((rule) => traceRule(policy, rule, request, filed.has(rule)))
    .toSorted((a, b) => a.line - b.line)
  return { request, decision, answer: answerOf(decision, rules), rules }
}

/**
 * For people: the answer, then the rules that speak of this name, one a line. Rules for other names
 * are only counted, unless `all` is wanted.
 */
export function formatExplanation(
  { request, answer, rules }: Explanation,
  file: string,
  options: { readonly all?: boolean } = {},
): string {
  const { who, name, port, protocol } = request
  const told = options.all ? rules : rules.filter(({ result }) => result !== 'other-name')
  const width = Math.max(0, ...told.map(({ kind, rule }) => kind.length + rule.length + 1))
  const lines = told.map(
    ({ kind, rule, line, because }) =>
      `  ${`${kind} ${rule}`.padEnd(width)}  ${file}:${line}  ${because}`,
  )
  const others = rules.length - told.length
  const are = others === 1 ? 'rule is' : 'rules are'
  if (others > 0) lines.push(`  ${others} ${are} for other names`)
  const head = `${formatRequester(who)} to ${name}:${formatPort(port, protocol)}: ${answer}`
  return [head, ...lines].join('\n')
}

function traceRule(
  policy: Policy,
  compiled: CompiledRule,
  request: PolicyRequest,
  isForName: boolean,
): RuleTrace {
  const { rule } = compiled
  const finding = isForName ? findingOf(policy, compiled, request) : otherName(rule)
  return { rule: rule.name, kind: rule.kind, line: rule.at.line, ...finding }
}

type Finding = Pick<RuleTrace, 'result' | 'because' | 'question'>

function otherName({ to }: Rule): Finding {
  const names = to.slice(0, MAX_TARGETS).map(formatTarget)
  const told = to.length > MAX_TARGETS ? [...names, '…'] : names
  return { result: 'other-name', because: `is for ${told.join(', ')}` }
}

const MAX_TARGETS = 5

function findingOf(policy: Policy, compiled: CompiledRule, request: PolicyRequest): Finding {
  const { rule } = compiled
  const { name, port, protocol } = request
  if (isExcepted(compiled, name)) return { result: 'excepted', because: `${name} is excepted` }
  if (!includesPort(rule.ports, port, protocol)) {
    return { result: 'other-port', because: `is for ports ${formatPorts(rule.ports)}` }
  }
  const view = policy.view(request.who)
  switch (truthOfWho(compiled.who, view)) {
    case 'yes':
      return { result: 'holds', because: `holds: it is for ${formatWho(rule.who)}` }
    case 'no':
      return { result: 'other-person', because: `is for ${formatWho(rule.who)}` }
    case 'unknown': {
      const question = openQuestion(policy, rule.who, view)
      return { result: 'may-hold', because: `holds if ${question}`, question }
    }
  }
}

function answerOf(decision: Decision, rules: readonly RuleTrace[]): string {
  if (decision.kind === 'allow') return `allowed: ${describe(decision)}`
  if (decision.why !== 'unmet') return `denied: ${describe(decision)}`
  const isAllowed = rules.some(({ kind, result }) => kind === 'allow' && result === 'holds')
  const ifs = isAllowed ? [] : questionsOf(rules, 'allow')
  const unless = questionsOf(rules, 'block')
  const parts = [
    ifs.length > 0 ? `if ${ifs.join(', or if ')}` : '',
    unless.length > 0 ? `unless ${unless.join(', or ')}` : '',
  ]
  return `not decided: allowed ${parts.filter((part) => part !== '').join(', ')}`
}

function questionsOf(rules: readonly RuleTrace[], kind: Rule['kind']): string[] {
  const open = rules.filter((trace) => trace.kind === kind && trace.question !== undefined)
  return open.map(({ question, rule }) => `${question} (rule ${rule})`)
}
