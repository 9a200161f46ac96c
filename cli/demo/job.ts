import { existsSync } from 'node:fs'
import path from 'node:path'
import type { FlowRow } from '../../edge/flows/row.ts'
import { WIKI_PAGE } from './apps.ts'
import type { OnRamp } from './on-ramp.ts'
import { emailOf, type PersonName, type Place } from './place.ts'
import { type Ended, runVerb } from './run-byname.ts'

/** One thing that the demo shows: what was typed, what came, and whether it came out as it must. */
export interface Outcome {
  readonly title: string
  readonly typed: string
  /** What happened on the way, a line a step. */
  readonly lines: readonly string[]
  /** Why not, where it did not come out as it must. */
  readonly wrong?: string | undefined
}

const VISIT = path.join(import.meta.dirname, 'visit.mjs')
const PSQL = '/usr/bin/psql'

/** Does the main job, step by step, as a person would; yields each outcome as it is there. */
export async function* doJob(
  place: Place,
  onRamp: OnRamp,
  hasDatabase: boolean,
): AsyncGenerator<Outcome> {
  const scene = { place, onRamp }
  yield await aliceReadsTheWiki(scene)
  yield await bobIsRefused(scene)
  if (hasDatabase && existsSync(PSQL)) {
    yield await aliceQueries(scene)
    yield await bobIsBlocked(scene)
  }
  yield await aNameThatDoesNotExist(scene)
}

interface Scene {
  readonly place: Place
  readonly onRamp: OnRamp
}

async function aliceReadsTheWiki(scene: Scene): Promise<Outcome> {
  const { address, page, error } = await visit(scene, 'alice', 'http://wiki.corp.internal/')
  const flow = await lastFlow(scene, 'alice', 'wiki.corp.internal')
  return {
    title: 'alice reaches the wiki by its name',
    typed: typed('alice', 'curl http://wiki.corp.internal/'),
    lines: [...wayOf('wiki.corp.internal', address, flow), `page        ${page?.trim()}`],
    wrong:
      problem('the page', page, WIKI_PAGE) ??
      problem('the rule', flow?.rule, 'staff-read-the-wiki') ??
      error,
  }
}

async function bobIsRefused(scene: Scene): Promise<Outcome> {
  const { page, stderr, error } = await visit(scene, 'bob', 'http://wiki.corp.internal/')
  const flow = await lastFlow(scene, 'bob', 'wiki.corp.internal')
  // `run` says it on stderr; the proxy in its answer.
  const told = toldBy(stderr) ?? toldBy(page ?? '')
  const wanted = 'byname: bob@example.com may not reach wiki.corp.internal:80: no rule allows it'
  return {
    title: 'bob is refused: no rule lets him in (default deny, in the log as no-rule)',
    typed: typed('bob', 'curl http://wiki.corp.internal/'),
    lines: [`bob is told ${told}`, `edge        ${hop(flow?.micros.gate)} to say no`],
    wrong:
      problem('what bob is told', told, wanted) ??
      problem('the flow record', flow?.state, 'refused') ??
      problem('the page', page === WIKI_PAGE || error === undefined, false),
  }
}

const QUERY = [PSQL, '-h', 'db.corp.internal', '-U', 'demo', '-Atc', 'select 6 * 7', 'postgres']
const PSQL_TYPED = "psql -h db.corp.internal -U demo -c 'select 6 * 7' postgres"

async function aliceQueries(scene: Scene): Promise<Outcome> {
  const { stdout, stderr } = await byname(scene, 'alice', QUERY)
  const flow = await lastFlow(scene, 'alice', 'db.corp.internal')
  return {
    title: 'alice queries PostgreSQL: any TCP program, any port',
    typed: typed('alice', PSQL_TYPED),
    lines: [...wayOf('db.corp.internal', undefined, flow), `answer      ${stdout.trim()}`],
    wrong: problem('the answer', stdout.trim() || stderr, '42'),
  }
}

async function bobIsBlocked(scene: Scene): Promise<Outcome> {
  const { stderr } = await byname(scene, 'bob', QUERY)
  const told = toldBy(stderr)
  const rule = 'contractors-stay-off-the-database'
  return {
    title: `bob is refused by a rule, and told its name`,
    typed: typed('bob', PSQL_TYPED),
    lines: [`bob is told ${told}`],
    wrong: told?.includes(rule) ? undefined : `bob should be told of ${rule}, was: ${told}`,
  }
}

async function aNameThatDoesNotExist({ place }: Scene): Promise<Outcome> {
  const words = ['dig', 'nope.corp.internal', '--profile', 'alice']
  const { stdout } = await runVerb(place.directory, [...words, '--json'])
  const { status, why } = JSON.parse(stdout || '{}') as { status?: string; why?: string }
  return {
    title: 'a name that nobody publishes does not exist',
    typed: `npx byname ${words.join(' ')}`,
    lines: [`resolver    ${status}: ${why}`],
    wrong: problem('the answer', status, 'NXDOMAIN'),
  }
}

const typed = (person: PersonName, command: string) =>
  `npx byname run --profile ${person} -- ${command}`

/** name → address → rule → connector → origin, with the time at each hop. */
function wayOf(name: string, address: string | undefined, flow: FlowRow | undefined): string[] {
  if (!flow) return ['(no flow record)']
  const { micros } = flow
  return [
    `name        ${name}`,
    ...(address === undefined
      ? []
      : [`address     ${address} (synthetic: only this machine knows it)`]),
    `rule        ${flow.rule}, ${hop(micros.gate)} at the gate`,
    `connector   ${flow.connector?.name}, ${hop(micros.relay)} there and back`,
    `origin      ${hop(micros.resolve)} to resolve, ${hop(micros.connect)} to connect`,
  ]
}

const hop = (micros: number | undefined) =>
  micros === undefined ? '-' : `${Math.round(micros)} µs`

interface Visited {
  readonly address?: string
  readonly page?: string
  readonly error?: string
  readonly stderr: string
}

async function visit(scene: Scene, person: PersonName, url: string): Promise<Visited> {
  const { stdout, stderr } = await byname(scene, person, [process.execPath, VISIT, url])
  try {
    return { ...JSON.parse(stdout), stderr }
  } catch {
    return { error: stderr.trim() || 'the program said nothing', stderr }
  }
}

function byname(
  { place, onRamp }: Scene,
  person: PersonName,
  command: readonly string[],
): Promise<Ended> {
  return onRamp.run(place, person, command)
}

async function lastFlow(
  { place }: Scene,
  person: PersonName,
  name: string,
): Promise<FlowRow | undefined> {
  const filter = ['--who', emailOf(person), '--name', name, '--limit', '1', '--json']
  const { stdout } = await runVerb(place.edgeState, ['flow', 'list', ...filter])
  return stdout === '' ? undefined : (JSON.parse(stdout) as FlowRow)
}

const toldBy = (stderr: string) =>
  stderr.split('\n').find((line) => line.startsWith('byname: ') && line.includes('may not reach'))

function problem(what: string, seen: unknown, wanted: unknown): string | undefined {
  if (seen === wanted) return undefined
  return `${what} should be ${JSON.stringify(wanted)}, was ${JSON.stringify(seen)}`
}
