import { loadProfile, type Profile } from '../../client/profile.ts'
import { openWay, type Way } from '../../client/way.ts'
import { silentLog } from '../../process/log.ts'
import type { Environment } from '../../process/state.ts'

const READY_MS = 10_000

/** Does something with a way of its own, for verbs that run without a client. */
export async function withWay<Result>(
  flags: { readonly profile?: string; readonly proxy?: string },
  env: Environment,
  work: (way: Way, profile: Profile) => Promise<Result>,
): Promise<Result> {
  const profile = await loadProfile(flags.profile, env)
  const proxy = flags.proxy ?? env.BYNAME_PROXY
  const way = await openWay(profile, { log: silentLog, clock: Date.now, proxy })
  try {
    await way.ready(READY_MS)
    return await work(way, profile)
  } finally {
    await way.close()
  }
}
