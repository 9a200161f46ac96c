import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runVerb, startChild } from '../cli/demo/run-byname.ts'
import type { OriginPorts } from './origin.ts'
import { nextPort, untilOpen } from './ports.ts'
import type { Way } from './way.ts'

/** byname's three processes. */
export interface Byname {
  readonly way: Way
  readonly edge: ChildProcess
  readonly connector: ChildProcess
  readonly client: ChildProcess
  /** Port of the client's SOCKS and HTTP proxy. */
  readonly proxy: number
}

/** Where things of one edge are, and what must be ended. */
export interface House {
  readonly directory: string
  readonly children: ChildProcess[]
}

/**
 * The whole way on loopback, each part a process of its own: edge, connector and a client whose
 * loopback on-ramp listens on the published ports.
 */
export async function startByname(house: House, origins: OriginPorts): Promise<Byname> {
  const [edge, port] = await startEdge(house)
  await untilOpen(port)
  // Two clients on one machine give out the same addresses: their ports must differ.
  const published = { bulkPort: await nextPort(), webPort: await nextPort() }
  await enrol(house.directory, published, origins)
  const config = path.join(house.directory, 'connector.yaml')
  const connector = startPart(house, 'connector', MAIN, 'connector', 'run', '--config', config)
  const { client, dns, proxy } = await startClient(house, 'alice')
  const bulk = { host: await addressOf('bulk.corp.internal', dns), port: published.bulkPort }
  const web = { host: await addressOf('web.corp.internal', dns), port: published.webPort }
  await untilOpen(web.port, web.host)
  return { way: { name: 'byname', bulk, web }, edge, connector, client, proxy }
}

/** A client of one of the two people; `proxy` is the port of its SOCKS and HTTP proxy. */
export async function startClient(
  house: House,
  person: 'alice' | 'bob',
): Promise<{ client: ChildProcess; dns: number; proxy: number }> {
  const [dns, proxy] = [await nextPort(), await nextPort()]
  const listen = ['--socks', `127.0.0.1:${proxy}`, '--dns', `127.0.0.1:${dns}`]
  const client = startPart(house, 'client', MAIN, 'client', 'run', '--profile', person, ...listen)
  return { client, dns, proxy }
}

async function startEdge(house: House): Promise<[edge: ChildProcess, port: number]> {
  const { directory } = house
  const port = await nextPort()
  mkdirSync(directory, { recursive: true })
  writeFileSync(path.join(directory, 'policy.yaml'), POLICY)
  writeFileSync(path.join(directory, 'edge.yaml'), edgeYaml(port))
  const config = ['--config', path.join(directory, 'edge.yaml')]
  const profiles = ['--profiles', path.join(directory, 'client', 'profiles')]
  const people = ['--people', 'alice@example.com,bob@example.com']
  const edge = startPart(house, 'edge', 'cli/demo/edge.ts', ...config, ...profiles, ...people)
  return [edge, port]
}

const MAIN = 'cli/main.ts'

function startPart(
  { directory, children }: House,
  name: string,
  file: string,
  ...args: readonly string[]
): ChildProcess {
  const child = startChild({ file, args, state: path.join(directory, name), stdio: 'ignore' })
  children.push(child)
  return child
}

async function enrol(
  directory: string,
  published: OriginPorts,
  origins: OriginPorts,
): Promise<void> {
  const token = path.join(directory, 'hq.token')
  const grant = ['--may-publish', 'domain:corp.internal']
  const edge = path.join(directory, 'edge')
  for (let tries = 0; ; tries++) {
    const made = await runVerb(edge, ['connector', 'token', 'hq', ...grant])
    if (made.code === 0) {
      writeFileSync(token, made.stdout, { mode: 0o600 })
      break
    }
    if (tries === 100) throw new Error(`connector token: ${made.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  writeFileSync(path.join(directory, 'connector.yaml'), connectorYaml(token, published, origins))
}

/** Asks the client's resolver until it knows the name, 45 s at least: a busy machine takes its time. */
async function addressOf(name: string, port: number): Promise<string> {
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  for (let tries = 0; tries < 450; tries++) {
    const [address] = await resolver.resolve4(name).catch(() => [])
    if (address !== undefined) return address
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the client's resolver does not know ${name}`)
}

const POLICY = `
version: 1
allow:
  people-measure: { who: "*@example.com", to: "domain:corp.internal", ports: all }
`

const edgeYaml = (port: number) => `
listen: 127.0.0.1:${port}
state: edge
policy: { file: policy.yaml }
`

/** iperf3's server has one visitor at a time: a health check could be taken for one. */
const connectorYaml = (token: string, published: OriginPorts, origins: OriginPorts) => `
state: connector
token-file: ${token}
apps:
  - { host: bulk.corp.internal, to: "127.0.0.1:${origins.bulkPort}", ports: ${published.bulkPort}, health: none }
  - { host: web.corp.internal, to: "127.0.0.1:${origins.webPort}", ports: ${published.webPort} }
`
