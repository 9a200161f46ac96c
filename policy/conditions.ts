import type { Policy } from './compile.ts'
import type { RequesterView } from './view.ts'
import { type ClaimAtom, formatClaim, type Who, type WhoAtom } from './who.ts'

/** The facts in `who`, through all groups, that are not known of a requester: `claim:okta/groups`. */
export function unknownFacts(policy: Policy, who: Who, view: RequesterView): readonly string[] {
  return [...new Set(unknownClaims(policy, who, view).map(formatClaim))].sort()
}

/** The claim selectors in `who`, through all groups, that may hold. */
export function unknownClaims(policy: Policy, who: Who, view: RequesterView): ClaimAtom[] {
  const isUnknown = (atom: WhoAtom) => {
    const id = policy.atoms.find(atom)
    return id !== undefined && view.truthOf(id) === 'unknown'
  }
  return atomsIn(policy, who).filter(isClaim).filter(isUnknown)
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
