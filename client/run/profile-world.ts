import type { Log } from '../../process/log.ts'
import { carry } from '../carry.ts'
import { loadProfile } from '../profile.ts'
import { makeOnce } from '../refusal.ts'
import { openWay, type Way } from '../way.ts'
import type { Answers } from './answers.ts'
import type { World } from './world.ts'

export interface ProfileWorldOptions {
  /** `--profile`; else as `loadProfile` finds one. */
  readonly profile: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly proxy: string | undefined
  /** As of WayOptions. */
  readonly detachedLifeMs: number | undefined
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
  const { proxy, detachedLifeMs } = options
  const way = await openWay(profile, { log: silent, clock: Date.now, proxy, detachedLifeMs })
  try {
    // Loaded while the edge is being dialled: it takes about as long.
    const { openAnswers } = await import('./answers.ts')
    const answers = openAnswers(way, { directory: profile.directory, ...options })
    await way.ready(READY_MS)
    return worldOf(way, answers, options.say)
  } catch (error) {
    await way.close()
    throw error
  }
}

/** With a catalogue on disk the way is ready at once; a first run waits for the edge. */
const READY_MS = 10_000

function worldOf(way: Way, answers: Answers, say: (sentence: string) => void): World {
  const refused = makeOnce(say, { clock: Date.now, againMs: Number.POSITIVE_INFINITY })
  return {
    names: answers.names,
    takeDns: answers.takeDns,
    takeQuestions: answers.takeQuestions,
    carry(socket, name, port) {
      const target = { name, port, protocol: 'tcp', onRamp: 'run' } as const
      carry(socket, target, way, (refusal) => refused(refusal, target, way.person))
    },
    get flows() {
      return way.status().flows
    },
    async close() {
      await Promise.all([answers.close(), way.close()])
    },
  }
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
