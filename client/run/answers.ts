import type { Socket as UdpSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { makeUpstream, systemServers } from '../../resolver/dns/upstream.ts'
import type { Leases } from '../../resolver/leases.ts'
import { serveResolver } from '../../resolver/listen.ts'
import { addressBytes } from '../../resolver/range.ts'
import { makeResolver } from '../../resolver/resolver.ts'
import type { Way } from '../way.ts'
import type { SyntheticNames } from './destination.ts'
import { openRunLeases, type RunLeasesOptions } from './leases.ts'

/** The program's DNS: names of ours by the way's catalogue, the others by the machine's resolvers. */
export interface Answers {
  readonly names: SyntheticNames
  takeDns(socket: Socket): void
  takeQuestions(socket: UdpSocket): void
  close(): Promise<void>
}

/** @throws as {@link openRunLeases} */
export function openAnswers(
  way: Pick<Way, 'ownership' | 'resolve'>,
  options: RunLeasesOptions,
): Answers {
  const leases = openRunLeases(options)
  const resolver = makeResolver({
    ownership: way.ownership,
    leases,
    askConnector: (name, type) => way.resolve(name, type),
    upstream: makeUpstream({ servers: systemServers, clock: Date.now }),
    clock: Date.now,
  })
  const service = serveResolver(resolver)
  return {
    names: { nameAt: (address) => resolver.nameAt(address), holds: holdsText(leases) },
    takeDns: (socket) => service.takeConnection(socket),
    takeQuestions: (socket) => service.addUdp(socket),
    async close() {
      await service.close()
      leases.close()
    },
  }
}

function holdsText(leases: Leases): (address: string) => boolean {
  return (address) => {
    const bytes = addressBytes(address)
    return bytes !== undefined && leases.holds(bytes)
  }
}
