import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { AppsReady } from './apps.ts'
import type { EdgeReady } from './edge.ts'
import {
  emailOf,
  makePlace,
  PEOPLE,
  type Place,
  writeConnectorFiles,
  writeEdgeFiles,
} from './place.ts'
import { freePort } from './ports.ts'
import { runVerb, startChild } from './run-byname.ts'

const EDGE_PORT = 8443
const READY_MS = 20_000

/** The demo's processes, all up. */
export interface Stage {
  readonly place: Place
  readonly edgeUrl: string
  readonly databaseLeftOut: string | undefined
  /** Ends all of them and waits; the names of those that had to be killed. */
  close(): Promise<readonly string[]>
}

/** Starts apps, edge and connector, each a process of its own. `tell` hears what is up. */
export async function setStage(home: string, tell: (text: string) => void): Promise<Stage> {
  const place = makePlace(home)
  const children = new Map<string, ChildProcess>()
  const close = () => closeAll(children)
  try {
    return { place, close, ...(await startAll(place, children, tell)) }
  } catch (error) {
    await close()
    throw new StageError(error as Error, place)
  }
}

/** A part of the demo did not come up: its last log lines are in `why`. */
export class StageError extends Error {
  readonly code = 'ERR_DEMO_STAGE'
  readonly why: string
  readonly fix: string
  constructor(cause: Error, place: Place) {
    super(`the demo does not come up: ${cause.message}`)
    this.why = readFileSync(place.log, 'utf8').trim().split('\n').slice(-8).join('\n    ')
    this.fix = `see ${place.log}`
  }
}

async function startAll(
  place: Place,
  children: Map<string, ChildProcess>,
  tell: (text: string) => void,
): Promise<Pick<Stage, 'edgeUrl' | 'databaseLeftOut'>> {
  const start = (name: string, state: string, file: string, ...args: string[]) => {
    const child = startLogged(place.log, { file, args, state })
    children.set(name, child)
    return child
  }
  const apps = start('apps', place.apps, 'cli/demo/apps.ts', place.apps)
  const appsReady = message<AppsReady>('the private apps', apps)
  const port = await freePort(EDGE_PORT)
  writeEdgeFiles(place, port)
  const people = ['--profiles', place.profiles, '--people', PEOPLE.map(emailOf).join(',')]
  const demoEdge = ['cli/demo/edge.ts', '--config', place.edgeConfig, ...people] as const
  const edge = start('edge', place.edgeState, ...demoEdge)
  const { url } = await message<EdgeReady>('the edge', edge)
  tell(`edge        ${url}, with a certificate authority and a store of its own`)
  const { databaseLeftOut } = await appsReady
  tell(
    `apps        wiki${databaseLeftOut ? '' : ' and PostgreSQL'}, on Unix sockets only the connector can open`,
  )
  if (databaseLeftOut) tell(`            (db.corp.internal is left out: ${databaseLeftOut})`)
  writeConnectorFiles(place, await makeToken(place), databaseLeftOut === undefined)
  start('connector', place.connectorState, ...CONNECTOR, place.connectorConfig)
  await untilConnected(place)
  tell('connector   enrolled with a one-time token, granted domain:corp.internal; it dialled out')
  return { edgeUrl: url, databaseLeftOut }
}

const CONNECTOR = ['cli/demo/verb.ts', 'connector', 'run', '--config'] as const

function startLogged(log: string, start: Omit<Parameters<typeof startChild>[0], 'stdio'>) {
  const file = openSync(log, 'a')
  const child = startChild({ ...start, stdio: ['ignore', file, file, 'ipc'] })
  closeSync(file)
  return child
}

/** The first thing that a child says over IPC; an early end is an error. */
function message<Message>(what: string, child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${what} said nothing for ${READY_MS / 1000} s`))
    const timer = setTimeout(late, READY_MS)
    child.once('message', (said) => resolve(said as Message))
    child.once('exit', (code) => reject(new Error(`${what} ended with ${code}`)))
    child.once('message', () => clearTimeout(timer)).once('exit', () => clearTimeout(timer))
  })
}

async function makeToken(place: Place): Promise<string> {
  const args = ['connector', 'token', 'hq', '--may-publish', 'domain:corp.internal']
  const made = await runVerb(place.edgeState, args)
  if (made.code !== 0) throw new Error(`no join token: ${made.stderr.trim()}`)
  return made.stdout
}

async function untilConnected(place: Place): Promise<void> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < READY_MS) {
    const listed = await runVerb(place.edgeState, ['connector', 'list', '--json'])
    if (/"tunnels":\s*[1-9]/.test(listed.stdout)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the connector does not reach the edge')
}

/** The connector first: what it carries ends in order. */
async function closeAll(children: ReadonlyMap<string, ChildProcess>): Promise<readonly string[]> {
  const killed: string[] = []
  for (const [name, child] of [...children].reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const timer = setTimeout(() => {
      killed.push(name)
      child.kill('SIGKILL')
    }, 5000)
    child.kill('SIGTERM')
    await ended
    clearTimeout(timer)
  }
  return killed
}
