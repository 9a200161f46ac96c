import type { Profile } from './profile.ts'
import { makePost } from './session/post.ts'
import { readSession } from './session.ts'
import { dialTunnel } from './way/attempt.ts'
import { ClientWay } from './way/client-way.ts'
import type { Way, WayOptions } from './way/face.ts'
import { readKeptCatalog } from './way/kept-catalog.ts'

export { EdgeUnreachable, type Way, type WayOptions, type WayStatus } from './way/face.ts'

/**
 * Reads the profile's catalogue from disk and starts to dial the edge; returns without waiting for
 * the tunnel (see `ready`).
 * @throws {SessionOver} when the profile's session is known to have ended (exitCode 4)
 */
export async function openWay(profile: Profile, options: WayOptions): Promise<Way> {
  const session = await readSession(profile, options.clock())
  const kept = await readKeptCatalog(profile, session.person.subject)
  return new ClientWay(
    { profile, session, kept },
    {
      dial: options.dial ?? dialTunnel,
      post: makePost(options.proxy),
      log: options.log,
      clock: options.clock,
      after,
      chance: Math.random,
      version: options.version ?? '0.1.0',
      proxy: options.proxy,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
    },
  )
}

const PATIENCE_MS = 10_000

function after(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(task, delayMs)
  return () => clearTimeout(timer)
}
