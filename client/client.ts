import type { Log } from '../process/log.ts'
import { type Loopback, type LoopbackStatus, startLoopback } from './loopback/start.ts'
import { type Door, uidDoor } from './peer/door.ts'
import { openPeerUids, type PeerUids } from './peer/uid.ts'
import type { Profile } from './profile.ts'
import type { FrontCounts } from './proxy/front.ts'
import { type RunningProxy, startProxy } from './proxy/start.ts'
import { makeOnce } from './refusal.ts'
import type { ClientSettings } from './settings.ts'
import type { Shared } from './shared.ts'
import { openWay, type WayStatus } from './way.ts'

/** A client that runs in the foreground: the on-ramps that need no root, on one way. */
export interface Client {
  readonly proxy: RunningProxy
  readonly loopback: Loopback | undefined
  readonly way: Shared['way']
  status(): ClientStatus
  close(): Promise<void>
}

/** What `byname status` shows, and gives with --json. */
export interface ClientStatus {
  readonly schema: 1
  readonly profile: string
  readonly person: Shared['way']['person']
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly way: WayStatus
  readonly proxy: { readonly at: string; readonly pac: string; readonly counts: FrontCounts }
  readonly loopback: LoopbackStatus | undefined
}

export interface ClientDeps {
  readonly log: Log
  /** A sentence for the person, on standard error. */
  readonly say: (sentence: string) => void
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** @throws {SessionOver | ListenError | LeaseFileError | CredentialError} */
export async function startClient(
  profile: Profile,
  settings: ClientSettings,
  { log, say, clock }: ClientDeps,
): Promise<Client> {
  await using started = new AsyncDisposableStack()
  const { proxy: edgeProxy, requiresPostQuantum, detachedLifeMs } = settings
  const of = { proxy: edgeProxy, requiresPostQuantum, detachedLifeMs }
  const way = await openWay(profile, { log, clock, ...of })
  started.defer(() => way.close())
  const once = makeOnce(say, { clock })
  const onRefused: Shared['onRefused'] = (refusal, target) => once(refusal, target, way.person)
  const shared: Shared = { profile, settings, way, log, clock, onRefused }
  const uids = openUids(log)
  if (uids) started.defer(() => uids.close())
  const door = uids && uidDoor(uids, process.geteuid?.() ?? 0, log)
  const loopback = await startLoopbackIf(shared, door)
  if (loopback) started.defer(() => loopback.close())
  const proxy = await startProxy(shared, door, loopback ?? NO_ADDRESSES)
  started.defer(() => proxy.close())
  const all = started.move()
  const startedAt = clock()
  return {
    proxy,
    loopback,
    way,
    close: () => all.disposeAsync(),
    status: () => ({
      schema: 1,
      profile: profile.name,
      person: way.person,
      pid: process.pid,
      startedAt,
      way: way.status(),
      proxy: { at: proxy.at, pac: `http://${proxy.at}/proxy.pac`, counts: proxy.counts },
      loopback: loopback?.status(),
    }),
  }
}

const NO_ADDRESSES = { nameAt: () => undefined, isSynthetic: () => false }

async function startLoopbackIf(shared: Shared, door: Door | undefined) {
  if (!shared.settings.loopback) return undefined
  if (door) return startLoopback(shared, door)
  // A loopback listener has no protocol of its own in which to ask for a credential.
  shared.log.warn({ event: 'no-loopback' }, 'no listeners in 127.80: nobody tells who connects')
  return undefined
}

function openUids(log: Log): PeerUids | undefined {
  try {
    return openPeerUids()
  } catch (error) {
    log.warn({ event: 'no-sock-diag', error }, 'the kernel does not tell whose a connection is')
    return undefined
  }
}
