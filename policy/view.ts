import type { AtomTable } from './atoms.ts'
import type { PersonRequester, Requester } from './requester.ts'
import type { Truth } from './truth.ts'
import { foldCase } from './who.ts'

/** What one requester is under one document, worked out once: the atoms that hold or may hold. */
export class RequesterView {
  readonly yes: readonly number[]
  readonly unknown: readonly number[]
  /** Both. */
  readonly atoms: readonly number[]
  readonly #yes: ReadonlySet<number>
  readonly #unknown: ReadonlySet<number>

  constructor(atoms: AtomTable, who: Requester) {
    const yes = withGroups(atoms, atomsOf(atoms, who), new Set())
    this.#yes = yes
    this.#unknown = withGroups(atoms, unknownAtomsOf(atoms, who), yes)
    this.yes = [...this.#yes]
    this.unknown = [...this.#unknown]
    this.atoms = [...this.yes, ...this.unknown]
  }

  truthOf(id: number): Truth {
    if (this.#yes.has(id)) return 'yes'
    return this.#unknown.has(id) ? 'unknown' : 'no'
  }
}

/** The given atoms and every group they make the requester a member of, but none of `except`. */
function withGroups(
  atoms: AtomTable,
  ids: Iterable<number | undefined>,
  except: ReadonlySet<number>,
): Set<number> {
  const found = new Set<number>()
  const open = [...ids]
  while (open.length > 0) {
    const id = open.pop()
    if (id === undefined || found.has(id) || except.has(id)) continue
    found.add(id)
    open.push(...atoms.holdersOf(id))
  }
  return found
}

function atomsOf(atoms: AtomTable, who: Requester): (number | undefined)[] {
  const everyone = atoms.find({ kind: 'everyone' })
  const anyone = atoms.find({ kind: 'anyone' })
  switch (who.kind) {
    case 'person':
      return [everyone, anyone, ...addressAtoms(atoms, who.email), ...claimAtoms(atoms, who)]
    case 'service':
      return [everyone, anyone, atoms.find({ kind: 'service', id: who.id })]
    case 'network':
      return [everyone, atoms.find({ kind: 'network', id: who.id })]
  }
}

function addressAtoms(atoms: AtomTable, email: string | undefined): (number | undefined)[] {
  if (email === undefined) return []
  const address = foldCase(email)
  const [, domain = '', ...more] = address.split('@')
  // A second @ (a quoted local part) would make the domain a matter of opinion.
  if (more.length > 0) return []
  return [atoms.find({ kind: 'address', address }), atoms.find({ kind: 'mail-domain', domain })]
}

function claimAtoms(atoms: AtomTable, person: PersonRequester): (number | undefined)[] {
  const isOnly = providersOf(person).size === 1
  const found: (number | undefined)[] = []
  for (const [issuer, values] of person.claims) {
    for (const claim of Object.keys(values)) {
      for (const value of textsOf(values[claim])) {
        for (const provider of spellings(issuer, isOnly)) {
          found.push(atoms.find({ kind: 'claim', provider, claim, value }))
        }
      }
    }
  }
  return found
}

function unknownAtomsOf(atoms: AtomTable, who: Requester): readonly number[] {
  if (who.kind !== 'person' || !who.unknownClaims) return []
  const found: number[] = []
  const isOnly = providersOf(who).size === 1
  for (const [issuer, claims] of who.unknownClaims) {
    for (const provider of spellings(issuer, isOnly)) {
      for (const claim of claims) found.push(...atoms.ofClaim(provider, claim))
    }
  }
  return found
}

const providersOf = ({ claims, unknownClaims }: PersonRequester) =>
  new Set([...claims.keys(), ...(unknownClaims?.keys() ?? [])])

/** A claim selector may leave its provider out while there is only one. */
const spellings = (issuer: string, isOnly: boolean): (string | undefined)[] =>
  isOnly ? [issuer, undefined] : [issuer]

/** Lists match by membership; what is neither text, number nor truth value matches nothing. */
function textsOf(value: unknown): string[] {
  const values = Array.isArray(value) ? value : [value]
  return values.flatMap((each) => (isPlain(each) ? [String(each)] : []))
}

const isPlain = (value: unknown) =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
