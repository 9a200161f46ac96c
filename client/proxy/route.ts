import type { Hostname } from '../../names/hostname.ts'
import type { Ownership } from '../../resolver/catalog.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import { type Destination, formatDestination } from './destination.ts'

/** Where a destination leads from here. */
export type Route =
  | { readonly kind: 'flow'; readonly name: Hostname; readonly port: number }
  | { readonly kind: 'direct'; readonly host: string; readonly port: number }
  | { readonly kind: 'refused'; readonly code: ResetCode; readonly reason: string }

export interface RouteFacts {
  readonly ownership: Pick<Ownership, 'find'>
  /** The name that a synthetic address stands for. */
  readonly nameAt: (address: string) => Hostname | undefined
  /** Whether an address lies in byname's own range, leased or not. */
  readonly isSynthetic: (address: string) => boolean
  /** `--only`: what byname does not own is refused instead of reached directly. */
  readonly only: boolean
  /** The proxy's own listener: a way through itself to itself is no way. */
  readonly own: { readonly address: string; readonly port: number }
}

export function routeOf(to: Destination, facts: RouteFacts): Route {
  return to.kind === 'name' ? routeOfName(to, facts) : routeOfAddress(to, facts)
}

/**
 * A name whose catalogue has not come yet is sent as well: the flow waits for the tunnel, and the
 * gate knows. An absent name is told at once, as the resolver does.
 */
function routeOfName(to: Destination & { kind: 'name' }, facts: RouteFacts): Route {
  const whose = facts.ownership.find(to.name)
  switch (whose.kind) {
    case 'owned':
    case 'blocked':
    case 'not-yet':
      return { kind: 'flow', name: to.name, port: to.port }
    case 'empty':
    case 'absent':
      return refused('no-such-name', 'nobody publishes this name')
    case 'not-ours':
      return facts.only
        ? refused('policy-denied', 'byname does not own this name, and --only is set')
        : { kind: 'direct', host: to.name, port: to.port }
  }
}

function routeOfAddress(to: Destination & { kind: 'address' }, facts: RouteFacts): Route {
  const name = facts.nameAt(to.address)
  if (name !== undefined) return routeOfName({ kind: 'name', name, port: to.port }, facts)
  if (facts.isSynthetic(to.address)) {
    return refused('no-such-name', `no name holds the address ${to.address}`)
  }
  if (to.address === facts.own.address && to.port === facts.own.port) {
    return refused('unsupported', `${formatDestination(to)} is this proxy itself`)
  }
  if (facts.only) return refused('policy-denied', 'an address is no name, and --only is set')
  return { kind: 'direct', host: to.address, port: to.port }
}

const refused = (code: ResetCode, reason: string): Route => ({ kind: 'refused', code, reason })
