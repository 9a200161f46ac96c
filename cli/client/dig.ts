import { type Dug, dig } from '../../client/dig.ts'
import { openLoopbackLeases } from '../../client/loopback/leases.ts'
import { resolverOf } from '../../client/loopback/resolver.ts'
import { loadProfile } from '../../client/profile.ts'
import { callControl } from '../../process/control.ts'
import { silentLog } from '../../process/log.ts'
import { controlPath, type Environment } from '../../process/state.ts'
import { EXIT, type Output } from '../output.ts'
import { withWay } from './way.ts'

export interface DigFlags {
  readonly name: string
  readonly type: string
  readonly profile?: string
  readonly json?: boolean
}

/** Asks the client that runs, else a resolver of its own on the same profile. */
export async function digVerb(flags: DigFlags, env: Environment, out: Output): Promise<void> {
  const dug = (await askRunning(flags, env)) ?? (await askAlone(flags, env))
  if (flags.json) out.json(dug)
  else print(dug, out)
  if (dug.answers.length === 0) process.exitCode = EXIT.no
}

async function askRunning(flags: DigFlags, env: Environment): Promise<Dug | undefined> {
  const { directory } = await loadProfile(flags.profile, env)
  const { name, type } = flags
  const socket = controlPath('client', directory, env)
  try {
    return (await callControl(socket, 'dig', { name, type }, { timeoutMs: 10_000 })) as Dug
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_CONTROL_UNREACHABLE') return undefined
    throw error
  }
}

function askAlone(flags: DigFlags, env: Environment): Promise<Dug> {
  return withWay(flags, env, async (way, profile) => {
    const leases = openLoopbackLeases(profile, silentLog)
    const own = { way, clock: Date.now, log: silentLog, leases, only: false, ownServers: [] }
    try {
      return await dig(way, resolverOf(own), flags)
    } finally {
      leases.close()
    }
  })
}

function print({ name, type, status, answers, why, micros }: Dug, out: Output): void {
  const rows = answers.map((row) => [row.name, `${row.ttlSeconds}`, row.type, row.data])
  if (rows.length > 0) out.table(['name', 'ttl', 'type', 'data'], rows)
  else out.line(`${name} ${type}: ${status}`)
  out.say(`${why} (${status}, ${micros} µs)`)
}
