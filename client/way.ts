import { FlowTable, WindowBudget } from '../tunnel/endpoint.ts'
import { KEY_AGREEMENTS, POST_QUANTUM_ONLY, systemClock } from '../tunnel/link.ts'
import type { Profile } from './profile.ts'
import { makePost } from './session/post.ts'
import { readSession } from './session.ts'
import { dialTunnel } from './way/attempt.ts'
import { ClientWay, type WayDeps } from './way/client-way.ts'
import type { Way, WayOptions } from './way/face.ts'
import { readKeptCatalog } from './way/kept-catalog.ts'
import { readKeptEdges } from './way/kept-edges.ts'

export {
  EdgeUnreachable,
  type TunnelStatus,
  type Way,
  type WayOptions,
  type WayStatus,
} from './way/face.ts'

/**
 * Reads the profile's catalogue from disk and starts to dial the edge; returns without waiting for
 * the tunnel (see `ready`).
 * @throws {SessionOver} when the profile's session is known to have ended (exitCode 4)
 */
export async function openWay(profile: Profile, options: WayOptions): Promise<Way> {
  const session = await readSession(profile, options.clock())
  const kept = await readKeptCatalog(profile, session.person.subject)
  const keptEdges = await readKeptEdges(profile)
  const requiresPostQuantum = profile.requiresPostQuantum || options.requiresPostQuantum === true
  const agreements = requiresPostQuantum ? POST_QUANTUM_ONLY : KEY_AGREEMENTS
  const { detachedLifeMs: lifeMs } = options
  const flows = new FlowTable({ clock: systemClock, random: Math.random, lifeMs })
  const shared = { flows, budget: new WindowBudget() }
  const dial: WayDeps['dial'] = (attempt, handlers) => dialTunnel(attempt, handlers, shared)
  return new ClientWay(
    { profile, session, kept, keptEdges },
    {
      dial: options.dial ?? dial,
      flows: options.flows ?? flows,
      post: makePost(options.proxy, agreements),
      log: options.log,
      clock: options.clock,
      after,
      chance: Math.random,
      version: options.version ?? '0.1.0',
      proxy: options.proxy,
      requiresPostQuantum,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
    },
  )
}

const PATIENCE_MS = 10_000

function after(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(task, delayMs)
  return () => clearTimeout(timer)
}
