import type { Log } from '../../process/log.ts'
import { makeUpstream, systemServers } from '../../resolver/dns/upstream.ts'
import type { Leases } from '../../resolver/leases.ts'
import { serveResolver } from '../../resolver/listen.ts'
import { addressBytes } from '../../resolver/range.ts'
import { makeResolver, type Resolver } from '../../resolver/resolver.ts'
import { carry } from '../carry.ts'
import { loadProfile } from '../profile.ts'
import { makeOnce } from '../refusal.ts'
import { openWay, type Way } from '../way.ts'
import { openRunLeases } from './leases.ts'
import type { World } from './world.ts'

export interface ProfileWorldOptions {
  /** `--profile`; else as `loadProfile` finds one. */
  readonly profile: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly proxy: string | undefined
  readonly hasIpv6: boolean
  /** Says a sentence to the person; the rest is not logged: standard error is the program's. */
  readonly say: (sentence: string) => void
}

/**
 * The world through a profile's way: its names, its gate, its leases.
 * @rejects {ProfileError}, {SessionOver}, {EdgeUnreachable}, {LeaseFileError}
 */
export async function openProfileWorld(options: ProfileWorldOptions): Promise<World> {
  const profile = await loadProfile(options.profile, options.env)
  const way = await openWay(profile, { log: silent, clock: Date.now, proxy: options.proxy })
  try {
    const leases = openRunLeases({ directory: profile.directory, ...options })
    await way.ready(READY_MS)
    return worldOf(way, leases, options.say)
  } catch (error) {
    await way.close()
    throw error
  }
}

/** With a catalogue on disk the way is ready at once; a first run waits for the edge. */
const READY_MS = 10_000

function worldOf(way: Way, leases: Leases, say: (sentence: string) => void): World {
  const resolver = resolverOf(way, leases)
  const dns = serveResolver(resolver)
  const refused = makeOnce(say, { clock: Date.now, againMs: Number.POSITIVE_INFINITY })
  return {
    names: { nameAt: (address) => resolver.nameAt(address), holds: holdsText(leases) },
    carry(socket, name, port) {
      const target = { name, port, protocol: 'tcp', onRamp: 'run' } as const
      carry(socket, target, way, (refusal) => refused(refusal, target, way.person))
    },
    takeDns: (socket) => dns.takeConnection(socket),
    takeQuestions: (socket) => dns.addUdp(socket),
    get flows() {
      return way.status().flows
    },
    async close() {
      await Promise.all([dns.close(), way.close()])
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

function resolverOf(way: Way, leases: Leases): Resolver {
  return makeResolver({
    ownership: way.ownership,
    leases,
    askConnector: (name, type) => way.resolve(name, type),
    upstream: makeUpstream({ servers: systemServers, clock: Date.now }),
    clock: Date.now,
  })
}

const nothing = () => {}
/** pino takes longer to load than the namespaces to make, and would have nobody to tell. */
const silent: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
}
