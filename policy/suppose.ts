import type { PolicyDocument } from './document.ts'
import { claimsIn } from './lint.ts'
import type { Requester } from './requester.ts'
import { type ClaimAtom, readWhoAtom } from './who.ts'

export interface Supposition {
  /** `alice@example.com`, `service:ci` or `network:branch`. */
  readonly who: string
  /** `okta/groups=finance`, or `groups=finance` where the document names one provider. */
  readonly claims: readonly string[]
  /** What is so of the claims that the document asks for and that are not given. */
  readonly others: 'unknown' | 'absent'
}

export type Supposed =
  | { readonly kind: 'supposed'; readonly requester: Requester }
  | { readonly kind: 'not-understood'; readonly message: string }

/** A requester as somebody describes one to `explain`. */
export function suppose(document: PolicyDocument, { who, claims, others }: Supposition): Supposed {
  const read = readWhoAtom(who)
  if (read.kind !== 'atom') return no(read.message)
  const { atom } = read
  if (atom.kind === 'service' || atom.kind === 'network') return machine(atom, claims)
  if (atom.kind !== 'address') return no(`${who} is not one person, service or network`)
  const asked = [...claimsIn(document)].map(({ claim }) => claim)
  const providers = new Set(asked.flatMap(({ provider }) => provider ?? []))
  const [issuer = ''] = providers
  const given: ClaimAtom[] = []
  for (const text of claims) {
    const claim = readWhoAtom(`claim:${text}`)
    if (claim.kind !== 'atom' || claim.atom.kind !== 'claim')
      return no(`${text} is not PROVIDER/NAME=VALUE`)
    if (claim.atom.provider === undefined && providers.size > 1) {
      return no(`${text} needs its provider: ${[...providers].join(' or ')}`)
    }
    given.push({ ...claim.atom, provider: claim.atom.provider ?? issuer })
  }
  const unknown = others === 'unknown' ? asked : []
  return { kind: 'supposed', requester: person(atom.address, issuer, given, unknown) }
}

const no = (message: string): Supposed => ({ kind: 'not-understood', message })

function machine(
  requester: Requester & { kind: 'service' | 'network' },
  claims: readonly string[],
): Supposed {
  if (claims.length > 0) return no(`a ${requester.kind} has no claims`)
  return { kind: 'supposed', requester }
}

function person(
  email: string,
  issuer: string,
  given: readonly ClaimAtom[],
  asked: readonly ClaimAtom[],
): Requester {
  const claims = new Map<string, Record<string, string[]>>([[issuer, Object.create(null)]])
  for (const { provider = issuer, claim, value } of given) {
    const known: Record<string, string[]> = claims.get(provider) ?? Object.create(null)
    known[claim] = [...(known[claim] ?? []), value]
    claims.set(provider, known)
  }
  const unknownClaims = new Map<string, Set<string>>()
  for (const { provider = issuer, claim } of asked) {
    if (claims.get(provider)?.[claim]) continue
    unknownClaims.set(provider, (unknownClaims.get(provider) ?? new Set()).add(claim))
  }
  return { kind: 'person', issuer, subject: email, email, claims, unknownClaims }
}
