import type { Hostname } from '../names/hostname.ts'
import { covers, includes, type NamePattern } from '../names/pattern.ts'
import type { Policy } from './compile.ts'
import { truthOfWho } from './compile-who.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { decide } from './decide.ts'
import { ANY_WORLD, type World } from './decision.ts'
import type { Protocol } from './ports.ts'
import type { Requester } from './requester.ts'
import { rulesAt } from './shelves.ts'

/**
 * Whether the document lets `who` reach some port of `name`, or would with facts that are not known
 * (`unmet`), so that a step-up finds the name. Whether anybody publishes the port is not asked.
 */
export function mayReachSomePort(
  policy: Policy,
  who: Requester,
  name: Hostname,
  now: number,
  world: World = ANY_WORLD,
): boolean {
  if (!world.isPrivate(name)) return false
  return portsToTry(policy, name).some(([port, protocol]) => {
    const decision = decide(policy, { who, name, port, protocol, now }, ANY_WORLD)
    return decision.kind === 'allow' || decision.why === 'unmet'
  })
}

/**
 * Whether a catalogue entry must be kept from `who`: the app is `unlisted` and nothing of it may be
 * reached. An entry of many names is kept from those who may reach none of them.
 */
export function isUnlistedFor(
  policy: Policy,
  who: Requester,
  entry: NamePattern,
  now: number,
  world: World = ANY_WORLD,
): boolean {
  if (!policy.isUnlisted(entry)) return false
  if (entry.kind === 'host') return !mayReachSomePort(policy, who, entry.base, now, world)
  return !mayReachSomeName(policy, who, entry)
}

/** The entries of a catalogue that must be kept from `who`. */
export function unlistedFor(
  policy: Policy,
  who: Requester,
  entries: readonly NamePattern[],
  now: number,
  world: World = ANY_WORLD,
): NamePattern[] {
  return entries.filter((entry) => isUnlistedFor(policy, who, entry, now, world))
}

/**
 * The ports at which the answer can change from no to yes: where an allow begins or a block ends.
 * If any port is open, one of these is.
 */
function portsToTry(policy: Policy, name: Hostname): [number, Protocol][] {
  const tries = new Map<string, [number, Protocol]>()
  for (const rule of rulesAt(policy.spotsOf(name))) {
    for (const { protocol, from, to } of rule.ports) {
      const port = rule.rule.kind === 'allow' ? from : to + 1
      if (port <= 65_535) tries.set(`${protocol}/${port}`, [port, protocol])
    }
  }
  return [...tries.values()]
}

/** Errs towards telling: blocks and exceptions inside the pattern are left to each name's own answer. */
function mayReachSomeName(policy: Policy, who: Requester, entry: NamePattern): boolean {
  const view = policy.view(who)
  return policy.rules.some(({ rule, who: compiled }) => {
    if (rule.kind !== 'allow' || truthOfWho(compiled, view) === 'no') return false
    return patternsOf(policy, rule.to).some((pattern) => overlaps(pattern, entry))
  })
}

function patternsOf({ document }: Policy, to: CompiledRule['rule']['to']): NamePattern[] {
  return to.flatMap((target) => {
    if (target.kind === 'pattern') return [target.pattern]
    return target.kind === 'set' ? (document.names.get(target.name)?.patterns ?? []) : []
  })
}

function overlaps(a: NamePattern, b: NamePattern): boolean {
  if (includes(a, b) || includes(b, a)) return true
  return (a.kind === 'domain' && covers(b, a.base)) || (b.kind === 'domain' && covers(a, b.base))
}
