/**
 * What the language means, spelt out without any index, cache or number: every rule is looked at and
 * every selector evaluated from the document's own words. Shares no code with the engine.
 */
import type { PolicyRequest, World } from '../../policy/decision.ts'
import type { PolicyDocument, Rule } from '../../policy/document.ts'
import type { PersonRequester, Requester } from '../../policy/requester.ts'
import type { Target } from '../../policy/target.ts'
import type { Who } from '../../policy/who.ts'

type Three = true | false | undefined

export function referenceDecision(
  document: PolicyDocument,
  request: PolicyRequest,
  world: World,
): string {
  const matches = document.rules.flatMap((rule) => {
    const found = matchOf(document, rule, request)
    return found ? [found] : []
  })
  const best = (kind: Rule['kind']) =>
    matches.filter(({ rule }) => rule.kind === kind).sort(order)[0]
  const block = best('block')
  const allow = best('allow')
  if (block?.holds === true) return `blocked by ${block.rule.name}`
  if (!allow) return 'no-rule'
  if (block) return `unmet by ${block.rule.name}`
  if (allow.holds === undefined) return `unmet by ${allow.rule.name}`
  const isThere =
    world.isPrivate(request.name) && world.isPublished(request.name, request.port, request.protocol)
  return `${isThere ? 'allow' : 'not-published'} by ${allow.rule.name}`
}

interface Match {
  rule: Rule
  holds: true | undefined
  name: number[]
  who: number
}

function order(a: Match, b: Match): number {
  if (a.holds !== b.holds) return a.holds ? -1 : 1
  for (let at = 0; at < a.name.length; at++) {
    const difference = (a.name[at] ?? 0) - (b.name[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.who - b.who || (a.rule.name < b.rule.name ? -1 : 1)
}

function matchOf(document: PolicyDocument, rule: Rule, request: PolicyRequest): Match | undefined {
  const { name, port, protocol, who } = request
  if (rule.except.some((target) => nameRanks(document, target, name).length > 0)) return undefined
  const ports = rule.ports.some((r) => r.protocol === protocol && r.from <= port && port <= r.to)
  if (!ports) return undefined
  const names = rule.to.flatMap((target) => nameRanks(document, target, name))
  names.sort(
    (a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0),
  )
  const [best] = names
  if (!best) return undefined
  const holds = whoHolds(document, rule.who, who, rule.kind)
  if (holds === false) return undefined
  return { rule, holds, name: best, who: whoRank(document, rule.who, who, rule.kind) }
}

/** Smaller first: host, then longer base, then `*.` before `domain:`, then anything. */
function nameRanks(document: PolicyDocument, target: Target, name: string): number[][] {
  if (target.kind === 'anything') return [[2, 0, 0]]
  if (target.kind === 'set') {
    const patterns = document.names.get(target.name)?.patterns ?? []
    return patterns.flatMap((pattern) => nameRanks(document, { kind: 'pattern', pattern }, name))
  }
  const { kind, base } = target.pattern
  const labels = name.split('.')
  const baseLabels = base.split('.')
  const tail = labels.slice(-baseLabels.length).join('.')
  if (tail !== base) return []
  const below = labels.length - baseLabels.length
  if (kind === 'host') return below === 0 ? [[0, 0, 0]] : []
  if (kind === 'wildcard') return below === 1 ? [[1, -base.length, 0]] : []
  return [[1, -base.length, 1]]
}

function whoHolds(document: PolicyDocument, who: Who, by: Requester, kind: Rule['kind']): Three {
  switch (who.kind) {
    case 'any':
      return some(who.of.map((part) => whoHolds(document, part, by, kind)))
    case 'all':
      return every(who.of.map((part) => whoHolds(document, part, by, kind)))
    case 'none': {
      const holds = some(who.of.map((part) => whoHolds(document, part, by, kind)))
      return holds === undefined ? undefined : !holds
    }
    case 'group':
      return some(
        (document.groups.get(who.name)?.members ?? []).map((part) =>
          whoHolds(document, part, by, kind),
        ),
      )
    case 'anyone':
      return kind === 'block' || by.kind !== 'network'
    case 'service':
    case 'network':
      return by.kind === who.kind && by.id === who.id
    case 'address':
      return by.kind === 'person' && by.email === who.address
    case 'mail-domain':
      return by.kind === 'person' && by.email?.split('@')[1] === who.domain
    case 'claim':
      return by.kind === 'person' && claimHolds(by, who)
  }
}

function claimHolds(by: PersonRequester, who: Extract<Who, { kind: 'claim' }>): Three {
  const known = new Set([...by.claims.keys(), ...(by.unknownClaims?.keys() ?? [])])
  if (who.provider === undefined && known.size !== 1) return false
  const provider = who.provider ?? [...known][0] ?? ''
  const value = by.claims.get(provider)?.[who.claim]
  if (Array.isArray(value) ? value.includes(who.value) : value === who.value) return true
  return by.unknownClaims?.get(provider)?.has(who.claim) ? undefined : false
}

const RANKS: Record<string, number> = {
  address: 0,
  service: 0,
  group: 1,
  claim: 2,
  'mail-domain': 3,
  network: 4,
  anyone: 5,
}

function whoRank(document: PolicyDocument, who: Who, by: Requester, kind: Rule['kind']): number {
  if (who.kind === 'none') return 9
  if (who.kind === 'any' || who.kind === 'all') {
    return Math.min(...who.of.map((part) => whoRank(document, part, by, kind)), 9)
  }
  if (whoHolds(document, who, by, kind) !== true) return 9
  return who.kind === 'anyone' && kind === 'block' ? 6 : (RANKS[who.kind] ?? 9)
}

function some(parts: Three[]): Three {
  if (parts.includes(true)) return true
  return parts.includes(undefined) ? undefined : false
}

function every(parts: Three[]): Three {
  if (parts.includes(false)) return false
  return parts.includes(undefined) ? undefined : true
}
