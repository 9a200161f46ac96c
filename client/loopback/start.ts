import { LOOPBACK_RANGE } from '../../resolver/choice.ts'
import type { LeaseGauges } from '../../resolver/leases.ts'
import { bindResolver, serveResolver } from '../../resolver/listen.ts'
import { addressBytes } from '../../resolver/range.ts'
import type { Resolver } from '../../resolver/resolver.ts'
import { carry } from '../carry.ts'
import { ListenError } from '../listen.ts'
import { openOrAnyPort } from '../open-port.ts'
import type { Door } from '../peer/door.ts'
import type { PortSetting } from '../settings.ts'
import type { Shared } from '../shared.ts'
import { type LoopbackCounts, LoopbackGate } from './accept.ts'
import { type LoopbackLeases, openLoopbackLeases, PROBE_ADDRESS } from './leases.ts'
import { LoopbackPorts } from './ports.ts'
import { resolverOf } from './resolver.ts'
import type { Withheld } from './withheld.ts'

/** The resolver and the listeners in 127.80.0.0/16. */
export interface Loopback {
  /** Where the resolver listens, UDP and TCP. */
  readonly dns: string
  readonly resolver: Resolver
  nameAt: Resolver['nameAt']
  isSynthetic(address: string): boolean
  /** Resolves when the ports of the last catalogue are listened on, or known to be withheld. */
  settled(): Promise<void>
  status(): LoopbackStatus
  close(): Promise<void>
}

export interface LoopbackStatus {
  readonly dns: string
  readonly range: string
  readonly leases: readonly LeaseGauges[]
  readonly listeners: number
  readonly withheld: readonly Withheld[]
  readonly counts: LoopbackCounts
}

/** @throws {LeaseFileError | ListenError} */
export async function startLoopback(shared: Shared, door: Door): Promise<Loopback> {
  const { way, profile, log, settings } = shared
  const leases = openLoopbackLeases(profile, log)
  const { clock } = shared
  const { only, dns: at } = settings
  // Only on port 53 could the system be set to ask us.
  const ownServers = at.port === 53 ? [at.address] : []
  const resolver = resolverOf({ way, leases, clock, log, only, ownServers })
  const gate = new LoopbackGate({
    ownership: way.ownership,
    door,
    nameAt: resolver.nameAt.bind(resolver),
    carry: (socket, name, port) => {
      const target = { name, port, protocol: 'tcp', onRamp: 'loopback' } as const
      carry(socket, target, way, (refusal) => shared.onRefused(refusal, target))
    },
  })
  const ports = new LoopbackPorts({
    ownership: way.ownership,
    take: (socket) => gate.take(socket),
    log,
    probeAddress: PROBE_ADDRESS,
    nodePath: process.execPath,
  })
  leases.onLease = (name, address) => ports.hold(name, address)
  leases.revive()
  const dns = await serveDns(settings.dns, listeningFirst(resolver, ports))
  let refreshed = ports.refresh()
  const stopFollowing = way.onCatalog(() => {
    refreshed = ports.refresh()
  })
  await refreshed
  return {
    dns: dns.at,
    resolver,
    nameAt: (address) => resolver.nameAt(address),
    isSynthetic: (address) => isHeld(leases, address),
    settled: () => refreshed,
    status: () => ({
      dns: dns.at,
      range: LOOPBACK_RANGE.v4.cidr,
      leases: leases.gauges(),
      listeners: ports.listenerCount,
      withheld: ports.withheld,
      counts: gate.counts,
    }),
    async close() {
      stopFollowing()
      await Promise.all([dns.close(), ports.close()])
      leases.close()
    },
  }
}

/** A program connects as soon as it has the answer: what it asks for must listen before. */
function listeningFirst(resolver: Resolver, ports: Pick<LoopbackPorts, 'settled'>): Resolver {
  return {
    nameAt: (address) => resolver.nameAt(address),
    answer(query, via) {
      const answer = resolver.answer(query, via)
      const settled = ports.settled()
      return settled ? settled.then(() => answer) : answer
    },
  }
}

async function serveDns(setting: PortSetting, resolver: Resolver) {
  const bound = await openOrAnyPort(setting, (address, port) =>
    bindResolver(address, port).catch((error: NodeJS.ErrnoException) => {
      throw new ListenError({ address, port }, error)
    }),
  )
  const service = serveResolver(resolver)
  service.addUdp(bound.udp)
  service.addServer(bound.tcp)
  return { at: `${setting.address}:${bound.port}`, close: () => service.close() }
}

function isHeld(leases: LoopbackLeases, address: string): boolean {
  const bytes = addressBytes(address)
  return bytes !== undefined && leases.holds(bytes)
}
