import type { Policy } from './compile.ts'
import type { Truth } from './truth.ts'
import type { RequesterView } from './view.ts'
import { type ClaimAtom, formatClaim, type Who, type WhoAtom } from './who.ts'

/** The facts in `who`, through all groups, that are not known of a requester: `claim:okta/groups`. */
export function unknownFacts(policy: Policy, who: Who, view: RequesterView): readonly string[] {
  const claims = atomsIn(policy, who).filter(isClaim)
  const unknown = claims.filter((claim) => truthOf(policy, claim, view) === 'unknown')
  return [...new Set(unknown.map(formatClaim))].sort()
}

/**
 * What would have to be so for `who` to hold, where that is not known: `okta/groups has finance`.
 * What is known already is left out; `undefined` where everything is.
 */
export function openQuestion(policy: Policy, who: Who, view: RequesterView): string | undefined {
  const parts = questionsIn(policy, who, view, new Set())
  return parts.length > 0 ? parts.join(JOINTS[who.kind === 'all' ? 'all' : 'any']) : undefined
}

const JOINTS = { any: ' or ', all: ' and ' } as const
const MAX_QUESTIONS = 8

function questionsIn(
  policy: Policy,
  who: Who,
  view: RequesterView,
  seen: Set<string>,
): readonly string[] {
  if ('of' in who) return combine(policy, who, view, seen)
  if (truthOf(policy, who, view) !== 'unknown') return []
  if (who.kind === 'claim') return [`${formatClaim(who).slice('claim:'.length)} has ${who.value}`]
  if (who.kind !== 'group' || seen.has(who.name)) return []
  seen.add(who.name)
  const members = policy.document.groups.get(who.name)?.members ?? []
  return combine(policy, { kind: 'any', of: members }, view, seen)
}

function combine(
  policy: Policy,
  who: Extract<Who, { of: unknown }>,
  view: RequesterView,
  seen: Set<string>,
): readonly string[] {
  const found = who.of.map((each) => {
    const questions = questionsIn(policy, each, view, seen)
    const joined = questions.join(JOINTS[each.kind === 'all' ? 'all' : 'any'])
    return questions.length > 1 && who.kind === 'all' ? `(${joined})` : joined
  })
  const open = found.filter((text) => text !== '')
  const told = open.length > MAX_QUESTIONS ? [...open.slice(0, MAX_QUESTIONS), '…'] : open
  return who.kind === 'none' && told.length > 0 ? [`not (${told.join(' or ')})`] : told
}

function truthOf({ atoms }: Policy, atom: WhoAtom, view: RequesterView): Truth {
  const id = atoms.find(atom)
  return id === undefined ? 'no' : view.truthOf(id)
}

const isClaim = (atom: WhoAtom): atom is ClaimAtom => atom.kind === 'claim'

/** Every atom in `who` and in the groups that it names, each group once. */
function atomsIn({ document }: Policy, who: Who): WhoAtom[] {
  const found: WhoAtom[] = []
  const seen = new Set<string>()
  const open: Who[] = [who]
  for (let next = open.pop(); next; next = open.pop()) {
    if ('of' in next) open.push(...next.of)
    else found.push(next)
    if (next.kind !== 'group' || seen.has(next.name)) continue
    seen.add(next.name)
    open.push(...(document.groups.get(next.name)?.members ?? []))
  }
  return found
}
