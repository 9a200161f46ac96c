import type { Policy } from './compile.ts'
import { rankOfWho, truthOfWho } from './compile-who.ts'
import { type CompiledRule, speaksOf } from './compiled-rule.ts'
import { unknownFacts } from './conditions.ts'
import type { Decision, Denial, PolicyRequest, World } from './decision.ts'
import type { Rule } from './document.ts'
import type { RuleIndex } from './rule-index.ts'
import type { Spot } from './shelves.ts'
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
    const best = bestAt(spot, kind, view, request)
    if (best?.truth === 'yes') return best
    unknown ??= best
  }
  return unknown
}

function bestAt(
  spot: Spot,
  kind: Rule['kind'],
  view: RequesterView,
  request: PolicyRequest,
): Match | undefined {
  let best = bestInIndex(spot.own[kind], view, request)
  for (const shelf of spot.sets) best = better(best, bestInIndex(shelf[kind], view, request))
  return best
}

function bestInIndex(
  index: RuleIndex | undefined,
  view: RequesterView,
  request: PolicyRequest,
): Match | undefined {
  if (!index) return undefined
  let best: Match | undefined
  for (const rules of index.candidates(view, request.port, request.protocol)) {
    for (const rule of rules) {
      if (!speaksOf(rule, request)) continue
      const truth = truthOfWho(rule.who, view)
      if (truth !== 'no') best = better(best, { rule, truth, rank: rankOfWho(rule.who, view) })
    }
  }
  return best
}

/** Certain before uncertain, then by who, then by name, so that the order of the file is nothing. */
function better(a: Match | undefined, b: Match | undefined): Match | undefined {
  if (!a || !b) return a ?? b
  if (a.truth !== b.truth) return a.truth === 'yes' ? a : b
  if (a.rank !== b.rank) return a.rank < b.rank ? a : b
  return a.rule.rule.name <= b.rule.rule.name ? a : b
}
