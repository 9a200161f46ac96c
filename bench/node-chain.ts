import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { SERVER_OPTIONS } from '../tunnel/link.ts'
import type { CertificateFiles } from './certificates.ts'
import type { NodeHop } from './node-hop.ts'
import type { OriginPorts } from './origin.ts'
import { nextPort, untilOpen } from './ports.ts'
import type { Way } from './way.ts'

/**
 * The same way by bare means: three Node processes (TCP → TLS, TLS → TLS, TLS → TCP) that `pipe`, one
 * TLS connection a flow, the same TLS as byname's tunnels. No multiplexing, no names, no gate. Three
 * more are there for requests that are to meet bulk in nothing but the machine.
 */
export async function startNodeChain(
  files: CertificateFiles,
  origins: OriginPorts,
  children: ChildProcess[],
): Promise<Way> {
  const chain = await startHops(files, [origins.bulkPort, origins.webPort], children)
  const apart = await startHops(files, [origins.webPort], children)
  const at = (port: number | undefined) => ({ host: '127.0.0.1', port: port ?? 0 })
  return { name: 'node-chain', bulk: at(chain[0]), web: at(chain[1]), webApart: at(apart[0]) }
}

/** The last origin is the web server. @returns the ports to enter by */
async function startHops(
  files: CertificateFiles,
  origins: readonly number[],
  children: ChildProcess[],
): Promise<number[]> {
  const pick = () => Promise.all(origins.map(() => nextPort()))
  const [client, edge, connector] = [await pick(), await pick(), await pick()]
  const start = (
    sides: Pick<NodeHop, 'accepts' | 'dials'>,
    from: number[],
    to: readonly number[],
  ) => children.push(startHop({ ...files, ...sides, ports: pairsOf(from, to) }))
  start({ accepts: 'tls', dials: 'tcp' }, connector, origins)
  start({ accepts: 'tls', dials: 'tls' }, edge, connector)
  start({ accepts: 'tcp', dials: 'tls' }, client, edge)
  for (const ports of [connector, edge, client]) await untilOpen(ports.at(-1) ?? 0)
  return client
}

const pairsOf = (from: readonly number[], to: readonly number[]) =>
  from.map((port, at) => ({ from: port, to: to[at] ?? 0 }))

function startHop(hop: Omit<NodeHop, 'ecdhCurve'>): ChildProcess {
  const file = path.join(import.meta.dirname, 'node-hop.ts')
  const told: NodeHop = { ...hop, ecdhCurve: SERVER_OPTIONS.ecdhCurve }
  const quiet = '--disable-warning=ExperimentalWarning'
  return spawn(process.execPath, [quiet, file, JSON.stringify(told)], { stdio: 'ignore' })
}
