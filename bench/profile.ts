/**
 * Where the time of bulk goes: what each of byname's processes costs for a GiB, and a flame graph of
 * each, from V8's own profiler. Profiling itself costs a tenth or so: compare these with each other.
 *
 *   node bench/profile.ts [--up] [--flows 1] [--seconds 8] [--into docs/img]
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startByname } from './byname.ts'
import { type CpuProfile, flameGraph } from './flame.ts'
import { iperf } from './iperf.ts'
import { startOrigins } from './origin.ts'

const { values: flags } = parseArgs({
  options: {
    up: { type: 'boolean', default: false },
    flows: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    into: { type: 'string', default: path.resolve(import.meta.dirname, '../docs/img') },
  },
})
const directory = mkdtempSync(path.join(tmpdir(), 'byname-profile-'))
const profiles = path.join(directory, 'profiles')
const house = { directory: path.join(directory, 'byname'), children: [] as ChildProcess[] }
try {
  const origins = await startOrigins(directory)
  process.env.NODE_OPTIONS = `--cpu-prof --cpu-prof-dir=${profiles}`
  const { way, ...parts } = await startByname(house, origins)
  house.children.push(...origins.children)
  const direction = flags.up ? 'up' : 'down'
  const load = { seconds: Number(flags.seconds), direction, flows: Number(flags.flows) } as const
  await iperf(way.bulk, { ...load, seconds: 3 })
  const before = {
    client: cpuOf(parts.client),
    edge: cpuOf(parts.edge),
    connector: cpuOf(parts.connector),
  }
  const from = nowMicros()
  const { bytes } = await iperf(way.bulk, load)
  const to = nowMicros()
  mkdirSync(flags.into, { recursive: true })
  for (const name of ['client', 'edge', 'connector'] as const) {
    const perGib = (cpuOf(parts[name]) - before[name]) / (bytes / 2 ** 30)
    const title = `${name}, ${load.flows} flow(s) ${direction}: ${perGib.toFixed(2)} CPU s/GiB`
    console.log(title)
    const profile = await endAndRead(parts[name])
    writeFileSync(path.join(flags.into, `bulk-${name}.svg`), flameGraph(profile, [from, to], title))
  }
} finally {
  for (const child of house.children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
}

async function endAndRead(child: ChildProcess): Promise<CpuProfile> {
  child.kill('SIGTERM')
  await once(child, 'exit')
  const file = readdirSync(profiles).find((name) => name.includes(`.${child.pid}.`))
  if (file === undefined) throw new Error(`process ${child.pid} left no profile`)
  return JSON.parse(readFileSync(path.join(profiles, file), 'utf8')) as CpuProfile
}

/** CPU seconds of the process so far, all its threads, as the kernel's scheduler counts them. */
function cpuOf({ pid }: ChildProcess): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const micros = tasks.map((task) => {
    const [ran = 0] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
    return Number(ran) / 1000
  })
  return micros.reduce((sum, one) => sum + one, 0) / 1e6
}

function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
