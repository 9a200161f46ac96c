import type { CompiledRule, Policy, RuleIndex, Spot } from './compile.ts'
import { rankOfWho, truthOfWho } from './compile-who.ts'
import { unknownFacts } from './conditions.ts'
import type { Decision, Denial, PolicyRequest, World } from './decision.ts'
import type { Rule } from './document.ts'
import { includesPort } from './ports.ts'
import type { Truth } from './truth.ts'
import type { RequesterView } from './view.ts'

/**
 * The answer to one question, with the rule that gave it. A block that holds beats every allow; then
 * the most specific allow that holds permits, unless a block may hold; where an allow only may hold,
 * the answer is `unmet`. Without an allow that holds or may hold it is `no-rule`.
 */
export function decide(policy: Policy, request: PolicyRequest, world: World): Decision {
  const view = policy.view(request.who)
  const spots = policy.spotsOf(request.name)
  const block = strongest(spots, 'block', view, request)
  if (block?.truth === 'yes') return { kind: 'deny', why: 'blocked', rule: block.rule.rule.name }
  const allow = strongest(spots, 'allow', view, request)
  if (!allow) return NO_RULE
  if (block) return unmet(policy, block, view)
  if (allow.truth === 'unknown') return unmet(policy, allow, view)
  const rule = allow.rule.rule.name
  const { name, port, protocol } = request
  const isThere = world.isPrivate(name) && world.isPublished(name, port, protocol)
  return isThere ? { kind: 'allow', rule } : { kind: 'deny', why: 'not-published', rule }
}

/** Whether a rule's `except` and `ports` let it speak of this name and port. */
export function speaksOf(
  rule: CompiledRule,
  { name, port, protocol }: Pick<PolicyRequest, 'name' | 'port' | 'protocol'>,
): boolean {
  return includesPort(rule.ports, port, protocol) && !isExcepted(rule, name)
}

export function isExcepted(rule: CompiledRule, name: PolicyRequest['name']): boolean {
  return rule.except.some((matcher) => matcher.covers(name))
}

const NO_RULE: Denial = { kind: 'deny', why: 'no-rule' }

interface Match {
  readonly rule: CompiledRule
  readonly truth: Exclude<Truth, 'no'>
  readonly rank: number
}

function unmet(policy: Policy, { rule }: Match, view: RequesterView): Denial {
  const conditions = unknownFacts(policy, rule.rule.who, view)
  return { kind: 'deny', why: 'unmet', rule: rule.rule.name, conditions }
}

/** The most specific rule that holds, or else the most specific that may hold. */
function strongest(
  spots: readonly Spot[],
  kind: Rule['kind'],
  view: RequesterView,
  request: PolicyRequest,
): Match | undefined {
  let unknown: Match | undefined
  for (const spot of spots) {
    let best: Match | undefined
    for (const shelf of spot.shelves) {
      best = better(best, bestOnShelf(shelf[kind], view, request))
    }
    if (best?.truth === 'yes') return best
    unknown ??= best
  }
  return unknown
}

function bestOnShelf(
  index: RuleIndex,
  view: RequesterView,
  request: PolicyRequest,
): Match | undefined {
  if (index.size === 0) return undefined
  let best: Match | undefined
  for (const id of view.yes) best = bestOf(index.get(id), best, view, request)
  for (const id of view.unknown) best = bestOf(index.get(id), best, view, request)
  return best
}

function bestOf(
  rules: readonly CompiledRule[] | undefined,
  best: Match | undefined,
  view: RequesterView,
  request: PolicyRequest,
): Match | undefined {
  let found = best
  for (const rule of rules ?? []) {
    if (!speaksOf(rule, request)) continue
    const truth = truthOfWho(rule.who, view)
    if (truth !== 'no') found = better(found, { rule, truth, rank: rankOfWho(rule.who, view) })
  }
  return found
}

/** Certain before uncertain, then by who, then by name, so that the order of the file is nothing. */
function better(a: Match | undefined, b: Match | undefined): Match | undefined {
  if (!a || !b) return a ?? b
  if (a.truth !== b.truth) return a.truth === 'yes' ? a : b
  if (a.rank !== b.rank) return a.rank < b.rank ? a : b
  return a.rule.rule.name <= b.rule.rule.name ? a : b
}
