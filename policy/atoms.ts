import type { Group } from './document.ts'
import type { WhoAtom } from './who.ts'

/** `everyone`: what `anyone` means in a block, services and gateway networks included. */
export type Atom = WhoAtom | { readonly kind: 'everyone' }

/**
 * Numbers for the atoms of one document, and which groups each is a direct member of, so that what a
 * requester is can be found by looking up what it has, never by trying every atom.
 */
export class AtomTable {
  readonly #ids = new Map<string, number>()
  readonly #ranks: number[] = []
  readonly #holders = new Map<number, number[]>()
  readonly #claims = new Map<string, number[]>()

  /** The number of an atom, given out when it is first seen. */
  intern(atom: Atom): number {
    const key = keyOf(atom)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#ranks.length
    this.#ids.set(key, id)
    this.#ranks.push(RANK[atom.kind])
    if (atom.kind === 'claim') push(this.#claims, claimKey(atom.provider, atom.claim), id)
    return id
  }

  addGroup(group: Group): void {
    const id = this.intern({ kind: 'group', name: group.name })
    for (const member of group.members) push(this.#holders, this.intern(member), id)
  }

  find(atom: Atom): number | undefined {
    return this.#ids.get(keyOf(atom))
  }

  /** All atoms that ask for one claim, whatever the value. */
  ofClaim(provider: string | undefined, claim: string): readonly number[] {
    return this.#claims.get(claimKey(provider, claim)) ?? []
  }

  /** The groups that the atom is a direct member of. */
  holdersOf(id: number): readonly number[] {
    return this.#holders.get(id) ?? []
  }

  /** Smaller is more specific (policy.md, "What it means", 4). */
  rankOf(id: number): number {
    return this.#ranks[id] ?? WEAKEST_RANK
  }
}

export const WEAKEST_RANK = 9

const RANK: Record<Atom['kind'], number> = {
  address: 0,
  service: 0,
  group: 1,
  claim: 2,
  'mail-domain': 3,
  network: 4,
  anyone: 5,
  everyone: 6,
}

/** As JSON, because parts merely joined could be split in another way by a hostile claim. */
function keyOf(atom: Atom): string {
  switch (atom.kind) {
    case 'address':
      return JSON.stringify(['address', atom.address])
    case 'mail-domain':
      return JSON.stringify(['mail-domain', atom.domain])
    case 'claim':
      return JSON.stringify(['claim', atom.provider ?? null, atom.claim, atom.value])
    case 'group':
      return JSON.stringify(['group', atom.name])
    case 'service':
    case 'network':
      return JSON.stringify([atom.kind, atom.id])
    case 'anyone':
    case 'everyone':
      return atom.kind
  }
}

const claimKey = (provider: string | undefined, claim: string) =>
  JSON.stringify([provider ?? null, claim])

function push<Key>(lists: Map<Key, number[]>, key: Key, value: number): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
