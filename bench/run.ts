/**
 * `npm run bench`: iperf3 and wrk through byname's whole way (client, edge, connector, TLS on both
 * tunnels), direct, and through an ssh chain, all in one run on one machine.
 *
 *   npm run bench [-- --quick] [-- --json] [-- --repeats N] [-- --seconds N]
 *
 * `--quick` is one 2 s repeat a figure; `--json` ends with one line
 * {"byname": {…}, "direct": {…}, "ssh-chain": {…}}.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startByname } from './byname.ts'
import { type Figures, formatFigures, medianOf } from './figures.ts'
import { measure, type Way } from './measure.ts'
import { startOrigins } from './origin.ts'
import { startSshChain } from './ssh-chain.ts'

const PROGRAMS = ['/usr/bin/iperf3', '/usr/bin/wrk', '/usr/sbin/nginx', '/usr/sbin/sshd']

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    seconds: { type: 'string' },
  },
})
const repeats = Number(values.repeats ?? (values.quick ? 1 : 3))
const seconds = Number(values.seconds ?? (values.quick ? 2 : 5))
const missing = PROGRAMS.filter((program) => !existsSync(program))
if (missing.length > 0) {
  console.error(`the benchmark drives programs that are not here: ${missing.join(', ')}`)
  console.error('  try: apt-get install iperf3 wrk nginx-light openssh-server')
  process.exit(2)
}

const directory = mkdtempSync(path.join(tmpdir(), 'byname-bench-'))
const children: ChildProcess[] = []
try {
  const ways = await startWays()
  const figures = await measureAll(ways)
  console.log(formatFigures(figures, 'ssh-chain'))
  if (values.json) console.log(JSON.stringify(Object.fromEntries(figures)))
} finally {
  for (const child of children.reverse()) child.kill('SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 100))
  rmSync(directory, { recursive: true, force: true })
}
process.exit()

async function startWays(): Promise<Way[]> {
  const origins = await startOrigins(directory)
  children.push(...origins.children)
  const byname = await startByname(path.join(directory, 'byname'), origins, children)
  const chain = await startSshChain(path.join(directory, 'ssh'), origins)
  children.push(...chain.children)
  const at = (port: number) => ({ host: '127.0.0.1', port })
  const direct = { name: 'direct', bulk: at(origins.bulkPort), web: at(origins.webPort) }
  return [byname.way, direct, chain.way]
}

/** The ways take turns, so that a slow minute of the machine falls on all of them. */
async function measureAll(ways: readonly Way[]): Promise<Map<string, Figures>> {
  const seen = new Map<string, Figures[]>(ways.map((way) => [way.name, []]))
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const way of ways) {
      const tell = (step: string) => console.error(`bench ${repeat}/${repeats} ${step}`)
      seen.get(way.name)?.push(await measure(way, seconds, tell))
    }
  }
  return new Map([...seen].map(([name, all]) => [name, medianOf(all)]))
}
