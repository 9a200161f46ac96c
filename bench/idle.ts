/**
 * What an idle flow costs: opens flows through fresh processes (client, edge, connector), sends a few
 * bytes there and back on each, leaves them alone, and divides the growth of each process's resident
 * memory by their number.
 *
 *   node bench/idle.ts [--flows 10000] [--on-ramp loopback|proxy]
 *                      [--settle-ms 2000] [--json]
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Byname, startByname } from './byname.ts'
import { connectThrough } from './connect-through.ts'
import { endWithUs } from './endings.ts'
import { openFlows } from './open-flows.ts'
import { startOrigin } from './start-origin.ts'

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '10000' },
    'on-ramp': { type: 'string', default: 'loopback' },
    'settle-ms': { type: 'string', default: '2000' },
    json: { type: 'boolean', default: false },
  },
})
const flows = Number(values.flows)
const settleMs = Number(values['settle-ms'])
const PARTS = ['edge', 'connector', 'client'] as const

const directory = mkdtempSync(path.join(tmpdir(), 'byname-idle-'))
const children: ChildProcess[] = []
endWithUs(children, directory)
const port = await startOrigin('echo', children)
const ports = { bulkPort: port, webPort: port }
report(await measureIdle(await startByname({ directory, children }, ports)))
process.exit()

type Bytes = Readonly<Record<(typeof PARTS)[number], number>>

async function measureIdle(byname: Byname): Promise<{ before: Bytes; after: Bytes }> {
  await untilCarried(byname)
  await settle(settleMs / 4)
  const before = residentBytes(byname)
  await openFlows(() => open(byname), flows)
  await settle(settleMs)
  return { before, after: residentBytes(byname) }
}

/** The client knows the names before the connector has come: a flow is then refused. */
async function untilCarried(byname: Byname): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const isCarried = await openFlows(() => open(byname), 1).then(
      () => true,
      () => false,
    )
    if (isCarried) return
    await settle(100)
  }
  throw new Error('no flow was carried in 10 s')
}

async function open({ way, proxy }: Byname): Promise<net.Socket> {
  const { host, port } = way.bulk
  if (values['on-ramp'] === 'proxy') return connectThrough(proxy, `bulk.corp.internal:${port}`)
  const socket = net.connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** What the work of opening needed is given back in the first seconds after it. */
function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function residentBytes(byname: Byname): Bytes {
  return Object.fromEntries(PARTS.map((part) => [part, residentOf(byname[part].pid)])) as Bytes
}

function residentOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

function report({ before, after }: { before: Bytes; after: Bytes }): void {
  const each = (part: keyof Bytes) => Math.round((after[part] - before[part]) / flows)
  if (values.json) {
    const end = Math.max(each('client'), each('connector'))
    console.log(
      JSON.stringify({ flows, idle_flow_bytes_edge: each('edge'), idle_flow_bytes_end: end }),
    )
    return
  }
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  console.log(`${flows} idle flows`)
  for (const part of PARTS) {
    const span = `${mib(before[part])} -> ${mib(after[part])}`
    console.log(`${part.padEnd(10)} ${span.padEnd(26)} ${each(part)} bytes a flow`)
  }
}
