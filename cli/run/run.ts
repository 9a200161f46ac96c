import type { RunOptions } from '../../client/run/run.ts'

export interface RunSettings {
  readonly profile?: string
  readonly proxy?: string
  readonly timing?: boolean
}

/** Runs the last `count` words of the command line and ends this process as the program ended. */
export async function runVerb(count: number, settings: RunSettings): Promise<never> {
  const { commandOf } = await import('../../client/run/command.ts')
  const { run } = await import('../../client/run/run.ts')
  const { say } = await import('../../client/run/say.ts')
  const { Timing } = await import('../../client/run/timing.ts')
  const timing = new Timing()
  timing.note('node')
  const openWorld: RunOptions['openWorld'] = async ({ hasIpv6 }) => {
    const { openProfileWorld } = await import('../../client/run/profile-world.ts')
    const { detachedLifeMs } = await import('../detached-life.ts')
    const { profile, proxy = process.env.BYNAME_PROXY } = settings
    const { env } = process
    const lifeMs = detachedLifeMs(env)
    return openProfileWorld({ profile, proxy, detachedLifeMs: lifeMs, hasIpv6, env, say })
  }
  const ending = await run({ command: commandOf(count), openWorld, onStep: timing.note })
  timing.note('end')
  if (settings.timing) say(`${timing}`)
  const { endLike } = await import('../../client/run/ending.ts')
  return endLike(ending)
}
