/**
 * An edge with the demo's people: what `byname edge run` does, and beside it the demo identity
 * provider, on loopback, and a client profile for each person who has none yet. Says over IPC, or
 * else on stdout, that it serves.
 *
 *   node edge.ts --config edge.yaml --profiles DIRECTORY --people alice@example.com,bob@example.com
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { makeDemoProfile } from '../../edge/demo/profile.ts'
import { type DemoProvider, startDemoProvider } from '../../edge/demo/provider.ts'
import { type Edge, startEdge } from '../../edge/main.ts'
import { PROFILE_FILES } from '../../identity/profile.ts'
import { makeLog } from '../../process/log.ts'
import { onShutdown } from '../../process/signals.ts'
import { readEdgeSettings } from '../edge/settings.ts'

export interface EdgeReady {
  readonly url: string
}

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'edge.yaml' },
    profiles: { type: 'string', default: 'profiles' },
    people: { type: 'string', default: '' },
  },
})
const people = values.people.split(',').filter(Boolean)
const settings = readEdgeSettings(path.resolve(values.config), undefined, process.env)
const log = makeLog({ name: 'edge' })
const secretFile = path.join(settings.stateDirectory, 'demo-provider.secret')
const provider = await startDemoProvider({ people, secretFile, now: Date.now })
const edge = await startEdge(settings, { log, demo: { issuer: provider.issuer } })
const stop = onShutdown(close)
void edge.drained.then(close).then(() => process.exit())
// Whoever started it may be killed: then nobody would end it.
process.on('disconnect', () => void close().then(() => process.exit(0)))
for (const person of people) await signIn(person, edge, provider)
const ready: EdgeReady = { url: edge.url }
if (process.send) process.send(ready)
else console.log(JSON.stringify(ready))

async function close(): Promise<void> {
  stop()
  await edge.close()
  await provider.close()
}

async function signIn(person: string, to: Edge, { url }: DemoProvider): Promise<void> {
  const [name = person] = person.split('@')
  const directory = path.join(path.resolve(values.profiles), name)
  if (existsSync(path.join(directory, PROFILE_FILES.session))) return
  const at = { url: to.url, caPem: to.caPem }
  const from = { url, secretFile }
  await makeDemoProfile({ directory, name, person, edge: at, provider: from, now: Date.now })
}
