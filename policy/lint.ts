import type { Position, Problem } from '../process/yaml.ts'
import type { PolicyDocument, Rule } from './document.ts'
import { type ClaimAtom, formatAtom, type Who } from './who.ts'

interface Findings {
  readonly problems: Problem[]
  readonly warnings: Problem[]
}

/** Whether each claim that is asked for can be told: see CheckOptions.providers. */
export function checkClaims(
  document: PolicyDocument,
  providers: readonly string[] | undefined,
): Findings {
  const findings: Findings = { problems: [], warnings: [] }
  for (const { at, claim } of claimsIn(document)) {
    const found = claimProblem(claim, providers)
    if (!found) continue
    const isWarning = found.code.startsWith('WARN')
    const list = isWarning ? findings.warnings : findings.problems
    list.push(problem(document.file, at, found.code, found.message))
  }
  return findings
}

function claimProblem(
  claim: ClaimAtom,
  providers: readonly string[] | undefined,
): Pick<Problem, 'code' | 'message'> | undefined {
  const shown = formatAtom(claim)
  if (claim.provider !== undefined) {
    if (!providers || providers.includes(claim.provider)) return undefined
    const message = `${shown}: there is no provider ${claim.provider} (there is: ${providers.join(', ')})`
    return { code: 'WARN_POLICY_PROVIDER', message }
  }
  if (providers?.length === 1) return undefined
  const message = `${shown} does not say which provider's claim is meant`
  return { code: providers ? 'ERR_POLICY_PROVIDER' : 'WARN_POLICY_PROVIDER', message }
}

/** Every claim selector of a document, with the rule or group it stands in. */
export function* claimsIn(document: PolicyDocument): Generator<{ at: Position; claim: ClaimAtom }> {
  const owners = [
    ...[...document.groups.values()].map((group) => ({ at: group.at, who: group.members })),
    ...document.rules.map((rule) => ({ at: rule.at, who: [rule.who] })),
  ]
  for (const { at, who } of owners) {
    for (const atom of who.flatMap(atomsOf)) if (atom.kind === 'claim') yield { at, claim: atom }
  }
}

function atomsOf(who: Who): Exclude<Who, { of: unknown }>[] {
  return 'of' in who ? who.of.flatMap(atomsOf) : [who]
}

/** What is surely a slip, and costs nothing to find. */
export function findSlips(document: PolicyDocument): Problem[] {
  const { file, rules, groups, names } = document
  const usedGroups = new Set(
    [...rules.map((rule) => rule.who), ...[...groups.values()].flatMap((group) => group.members)]
      .flatMap(atomsOf)
      .flatMap((atom) => (atom.kind === 'group' ? [atom.name] : [])),
  )
  const usedSets = new Set(rules.flatMap(setsOf))
  const unused = [
    ...[...groups.values()].filter(({ name }) => !usedGroups.has(name)),
    ...[...names.values()].filter(({ name }) => !usedSets.has(name)),
  ]
  const warnings = unused.map(({ at, name }) =>
    problem(file, at, 'WARN_POLICY_UNUSED', `no rule uses ${name}`),
  )
  if (rules.some((rule) => rule.kind === 'allow')) return warnings
  const nobody = 'there is no allow: nobody reaches anything'
  return [...warnings, problem(file, { line: 1, column: 1 }, 'WARN_POLICY_NOBODY', nobody)]
}

const setsOf = ({ to, except }: Rule) =>
  [...to, ...except].flatMap((target) => (target.kind === 'set' ? [target.name] : []))

export function problem(
  file: string,
  { line, column }: Position,
  code: Problem['code'],
  message: string,
  fix?: string,
): Problem {
  return { code, file, line, column, message, fix }
}
