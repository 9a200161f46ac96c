import type { PersonName, Place } from './place.ts'
import { freePort, untilOpen } from './ports.ts'
import { type Ended, runProgram, runVerb, startChild } from './run-byname.ts'

/** How the demo's people get in: `byname run`, or where the kernel forbids that, the proxy on-ramp. */
export interface OnRamp {
  /** What forbids the better one. */
  readonly instead?: string | undefined
  run(place: Place, person: PersonName, command: readonly string[]): Promise<Ended>
}

/** Tries what `byname run` needs by running something with it. */
export async function chooseOnRamp(place: Place): Promise<OnRamp> {
  const tried = await runIn(place, 'alice', ['true'])
  if (!tried.stderr.includes('ERR_NAMESPACES_FORBIDDEN')) return { run: runIn }
  return { run: byProxy, instead: tried.stderr.trim() }
}

function runIn(place: Place, person: PersonName, command: readonly string[]): Promise<Ended> {
  return runVerb(place.directory, ['run', '--profile', person, '--', ...command])
}

/** A proxy of the person's own for as long as the command takes. */
async function byProxy(
  place: Place,
  person: PersonName,
  command: readonly string[],
): Promise<Ended> {
  const port = await freePort()
  const args = [
    'client',
    'run',
    '--profile',
    person,
    '--socks',
    `127.0.0.1:${port}`,
    '--no-loopback',
  ]
  const proxy = startChild({ file: 'cli/main.ts', args, state: place.directory, stdio: 'ignore' })
  try {
    await untilOpen(port)
    const HTTP_PROXY = `http://127.0.0.1:${port}`
    return await runProgram(command, { ...process.env, HTTP_PROXY, NODE_USE_ENV_PROXY: '1' })
  } finally {
    proxy.kill()
  }
}
