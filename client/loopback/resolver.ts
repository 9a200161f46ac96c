import type { Log } from '../../process/log.ts'
import { makeUpstream, systemServers } from '../../resolver/dns/upstream.ts'
import type { Leases } from '../../resolver/leases.ts'
import { makeResolver, type Resolver } from '../../resolver/resolver.ts'
import type { Way } from '../way.ts'

export interface ResolverParts {
  readonly way: Pick<Way, 'ownership' | 'resolve'>
  readonly leases: Leases
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Names that are not byname's do not exist. */
  readonly only: boolean
  /** Addresses of the system's resolvers that are this one itself. */
  readonly ownServers: readonly string[]
}

/** The resolver of this person's names; others are asked of the machine's own resolvers. */
export function resolverOf({ way, leases, log, clock, only, ownServers }: ResolverParts): Resolver {
  const upstream = makeUpstream({ servers: () => systemServers(ownServers), clock })
  return makeResolver({
    ownership: way.ownership,
    leases,
    askConnector: (name, type) => way.resolve(name, type),
    upstream: only ? undefined : upstream,
    clock,
    onFault: (error) => log.error({ event: 'resolver-fault', error }, 'a fault in the resolver'),
  })
}
