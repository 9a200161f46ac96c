/**
 * `npm run bench`: iperf3 and wrk through byname's whole way (client, edge, connector, TLS on both
 * tunnels), direct, and through an ssh chain, three bare Node hops and haproxy, all in one run on one
 * machine. Leaves results.json and performance.svg in bench/out.
 *
 *   npm run bench [-- --quick] [-- --json] [-- --write] [-- --repeats N] [-- --seconds N]
 *                 [-- --ways byname,ssh-chain] [-- --steps up,many]
 *
 * `--quick` is one 2 s repeat a figure. `--json` ends with one line
 * {"byname": {…}, "direct": {…}, "ssh-chain": {…}, "node-chain": {…}}. `--write` puts the results
 * where the repository shows them: bench/results.json, docs/performance.svg, docs/performance.md.
 */
import { type ChildProcess, execFile } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { endWithUs } from './endings.ts'
import { type Figures, mediansOf, type Spreads, spreadsOf } from './figures.ts'
import { describeMachine, loadAtStart } from './machine.ts'
import { STEPS, type Step } from './measure.ts'
import { type Plan, planOf, secondsOf } from './plan.ts'
import { leaveResults, publishResults, type Results } from './results.ts'
import { formatText, tableOf } from './table.ts'
import type { Way } from './way.ts'
import { hasHaproxy, startWays, warmUp, warmWell } from './ways.ts'

const PROGRAMS = ['/usr/bin/iperf3', '/usr/bin/wrk', '/usr/sbin/nginx', '/usr/sbin/sshd']

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    seconds: { type: 'string' },
    steps: { type: 'string' },
    ways: { type: 'string' },
  },
})
checkMachine()
const plan = planOf(values)
const startedAt = new Date().toISOString()
const { load, warning } = loadAtStart()
if (warning) console.error(`bench: ${warning}`)

const directory = mkdtempSync(path.join(tmpdir(), 'byname-bench-'))
const children: ChildProcess[] = []
endWithUs(children, directory)
report(await measureAll())
process.exit()

function checkMachine(): void {
  const missing = PROGRAMS.filter((program) => !existsSync(program))
  if (missing.length === 0) return
  console.error(`the benchmark drives programs that are not here: ${missing.join(', ')}`)
  console.error('  try: apt-get install iperf3 wrk nginx-light openssh-server haproxy')
  process.exit(2)
}

/** The ways take turns at each figure, so that a slow minute of the machine falls on all of them. */
async function measureAll(): Promise<Map<string, Spreads>> {
  const names = plan.ways.filter((name) => name !== 'haproxy' || hasHaproxy)
  const [ways, idle] = await Promise.all([startWarm(names), measureIdle(plan)])
  if (!values.quick) await warmWell(ways)
  const seen = new Map<string, Figures[]>(ways.map((way) => [way.name, []]))
  seen.get('byname')?.push(idle)
  for (let repeat = 1; repeat <= plan.repeats; repeat++) {
    for (const step of plan.steps.map((name) => STEPS[name])) {
      for (const way of ways) {
        const seconds = secondsOf(plan, step, way.name, values.quick)
        if (seconds === 0) continue
        console.error(`bench ${repeat}/${plan.repeats} ${step.name}: ${way.name}`)
        seen.get(way.name)?.push(await measureOne(step, way, seconds))
      }
    }
  }
  return new Map([...seen].map(([name, all]) => [name, spreadsOf(all)]))
}

/** A figure that cannot be had on a busy machine does not cost the others. */
async function measureOne(step: Step, way: Way, seconds: number): Promise<Figures> {
  try {
    return await step.run(way, seconds)
  } catch (error) {
    const [reason] = String(error).split('\n')
    console.error(`bench: left out: ${reason}`)
    return {}
  }
}

async function startWarm(names: Plan['ways']): Promise<Way[]> {
  const ways = await startWays(names, directory, children)
  await warmUp(ways.filter(({ name }) => name === 'byname' || name === 'node-chain'))
  return ways
}

/** In processes of its own, while the ways are started: memory does not mind a busy machine. */
async function measureIdle({ idleFlows, ways }: Plan): Promise<Figures> {
  if (!ways.includes('byname')) return {}
  const file = path.join(import.meta.dirname, 'idle.ts')
  const args = [
    '--disable-warning=ExperimentalWarning',
    file,
    '--flows',
    String(idleFlows),
    '--json',
  ]
  try {
    const running = promisify(execFile)(process.execPath, args, { timeout: 120_000 })
    // It has children of its own to end.
    process.once('exit', () => running.child.kill('SIGTERM'))
    const { stdout } = await running
    const { idle_flow_bytes_edge, idle_flow_bytes_end } = JSON.parse(stdout)
    return { idle_flow_bytes_edge, idle_flow_bytes_end }
  } catch (error) {
    console.error(`bench: idle flows could not be measured: ${error}`)
    return {}
  }
}

function report(ways: Map<string, Spreads>): void {
  console.log(formatText(tableOf(ways)))
  const results: Results = {
    schema: 1,
    startedAt,
    machine: describeMachine(),
    loadAtStart: load,
    repeats: plan.repeats,
    seconds: plan.seconds,
    ways: Object.fromEntries(ways),
  }
  console.error(`bench: written to ${leaveResults(results)}`)
  if (values.write) publishResults(results)
  if (warning) console.error(`bench: ${warning}`)
  if (!ways.has('haproxy')) console.error(`bench: without haproxy: ${whyNoHaproxy()}`)
  const medians = [...ways].map(([name, spreads]) => [name, mediansOf(spreads)])
  if (values.json) console.log(JSON.stringify(Object.fromEntries(medians)))
}

function whyNoHaproxy(): string {
  if (!hasHaproxy) return 'it is not installed'
  return values.quick ? '--quick has no time for it' : 'it was not asked for'
}
