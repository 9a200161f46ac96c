import { type AtomTable, WEAKEST_RANK } from './atoms.ts'
import type { Rule } from './document.ts'
import { allOf, anyOf, not, type Truth } from './truth.ts'
import type { RequesterView } from './view.ts'
import type { Who, WhoAtom } from './who.ts'

/** `who` with numbers for atoms. `one-of` is a list of atoms, however long, with the rank of each. */
export type CompiledWho =
  | { readonly kind: 'atom'; readonly id: number; readonly rank: number }
  | { readonly kind: 'one-of'; readonly ranks: ReadonlyMap<number, number> }
  | { readonly kind: 'any' | 'all' | 'none'; readonly of: readonly CompiledWho[] }

export function compileWho(who: Who, kind: Rule['kind'], atoms: AtomTable): CompiledWho {
  if (!('of' in who)) return compileAtom(who, kind, atoms)
  const parts = who.of.map((each) => compileWho(each, kind, atoms))
  return who.kind === 'any' ? joinAtoms(parts) : { kind: who.kind, of: parts }
}

export function truthOfWho(who: CompiledWho, view: RequesterView): Truth {
  switch (who.kind) {
    case 'atom':
      return view.truthOf(who.id)
    case 'one-of':
      return truthOfOne(who.ranks, view)
    case 'any':
      return anyOf(who.of, (each) => truthOfWho(each, view))
    case 'all':
      return allOf(who.of, (each) => truthOfWho(each, view))
    case 'none':
      return not(anyOf(who.of, (each) => truthOfWho(each, view)))
  }
}

/** How specific `who` is for this requester: by the most specific atom that holds, `none` left out. */
export function rankOfWho(who: CompiledWho, view: RequesterView): number {
  if (who.kind === 'atom') return view.truthOf(who.id) === 'yes' ? who.rank : WEAKEST_RANK
  if (who.kind === 'none') return WEAKEST_RANK
  if (who.kind === 'one-of') return rankOfOne(who.ranks, view)
  return who.of.reduce((best, each) => Math.min(best, rankOfWho(each, view)), WEAKEST_RANK)
}

/**
 * Atoms of which at least one must hold or be unknown where `who` does, the fewest that are easily
 * found. A reader refuses a `who` that only says who is not meant, so there are always some.
 */
export function membersOf(who: CompiledWho): readonly number[] {
  const members = findMembers(who)
  if (members) return members
  throw new Error('a rule must say whom it means before whom it does not')
}

function findMembers(who: CompiledWho): readonly number[] | undefined {
  switch (who.kind) {
    case 'atom':
      return [who.id]
    case 'one-of':
      return [...who.ranks.keys()]
    case 'any':
      return joined(who.of.map(findMembers))
    case 'all':
      return fewest(who.of.map(findMembers))
    case 'none':
      return undefined
  }
}

type Found = readonly number[] | undefined

function joined(parts: readonly Found[]): Found {
  const found = parts.filter((part) => part !== undefined)
  return found.length === parts.length ? [...new Set(found.flat())] : undefined
}

function fewest(parts: readonly Found[]): Found {
  return parts.reduce((best, part) => (part && (!best || part.length < best.length) ? part : best))
}

type CompiledAtom = Extract<CompiledWho, { kind: 'atom' }>

function compileAtom(atom: WhoAtom, kind: Rule['kind'], atoms: AtomTable): CompiledAtom {
  const isEveryone = atom.kind === 'anyone' && kind === 'block'
  const id = atoms.intern(isEveryone ? { kind: 'everyone' } : atom)
  return { kind: 'atom', id, rank: atoms.rankOf(id) }
}

function joinAtoms(parts: readonly CompiledWho[]): CompiledWho {
  const atoms = parts.filter((part) => part.kind === 'atom')
  if (atoms.length < 2) return { kind: 'any', of: parts }
  const oneOf: CompiledWho = { kind: 'one-of', ranks: new Map(atoms.map((a) => [a.id, a.rank])) }
  const others = parts.filter((part) => part.kind !== 'atom')
  return others.length === 0 ? oneOf : { kind: 'any', of: [oneOf, ...others] }
}

type Ranks = ReadonlyMap<number, number>

/** Walks the shorter of the two: what the rule lists, or what the requester is. */
function truthOfOne(ranks: Ranks, view: RequesterView): Truth {
  if (ranks.size <= view.yes.length) return anyOf([...ranks.keys()], (id) => view.truthOf(id))
  if (view.yes.some((id) => ranks.has(id))) return 'yes'
  return view.unknown.some((id) => ranks.has(id)) ? 'unknown' : 'no'
}

function rankOfOne(ranks: Ranks, view: RequesterView): number {
  let best = WEAKEST_RANK
  for (const id of view.yes) best = Math.min(best, ranks.get(id) ?? WEAKEST_RANK)
  return best
}
