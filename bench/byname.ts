import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort, untilOpen } from '../cli/demo/ports.ts'
import { runVerb, startChild } from '../cli/demo/run-byname.ts'
import type { Way } from './measure.ts'
import type { OriginPorts } from './origin.ts'

const BULK_PORT = 5201
const WEB_PORT = 8080

/** byname's three processes. */
export interface Byname {
  readonly way: Way
  readonly edge: ChildProcess
  readonly connector: ChildProcess
  readonly client: ChildProcess
}

/**
 * The whole way on loopback, each part a process of its own: edge, connector and a client whose
 * loopback on-ramp listens on the published ports. `children` gets what must be ended.
 */
export async function startByname(
  directory: string,
  origins: OriginPorts,
  children: ChildProcess[],
): Promise<Byname> {
  mkdirSync(directory, { recursive: true })
  const edgePort = await freePort()
  const state = (name: string) => path.join(directory, name)
  const start = (name: string, file: string, ...args: string[]) => {
    const child = startChild({ file, args, state: state(name), stdio: 'ignore' })
    children.push(child)
    return child
  }
  writeFileSync(state('policy.yaml'), POLICY)
  writeFileSync(state('edge.yaml'), edgeYaml(edgePort))
  const edge = start(
    'edge',
    'cli/demo/edge.ts',
    ...['--config', state('edge.yaml')],
    ...people(directory),
  )
  await untilOpen(edgePort)
  await enrol(directory, origins)
  const connector = start(
    'connector',
    'cli/main.ts',
    'connector',
    'run',
    '--config',
    state('connector.yaml'),
  )
  const dns = await freePort()
  const listen = ['--socks', `127.0.0.1:${await freePort()}`, '--dns', `127.0.0.1:${dns}`]
  const client = start('client', 'cli/main.ts', 'client', 'run', '--profile', 'alice', ...listen)
  const bulk = { host: await addressOf('bulk.corp.internal', dns), port: BULK_PORT }
  const web = { host: await addressOf('web.corp.internal', dns), port: WEB_PORT }
  await Promise.all([untilOpen(bulk.port, bulk.host), untilOpen(web.port, web.host)])
  return { way: { name: 'byname', bulk, web }, edge, connector, client }
}

const people = (directory: string) => [
  ...['--profiles', path.join(directory, 'client', 'profiles')],
  ...['--people', 'alice@example.com'],
]

async function enrol(directory: string, origins: OriginPorts): Promise<void> {
  const token = path.join(directory, 'hq.token')
  const grant = ['--may-publish', 'domain:corp.internal']
  const edge = path.join(directory, 'edge')
  for (let tries = 0; ; tries++) {
    const made = await runVerb(edge, ['connector', 'token', 'hq', ...grant])
    if (made.code === 0) {
      writeFileSync(token, made.stdout, { mode: 0o600 })
      break
    }
    if (tries === 20) throw new Error(`connector token: ${made.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  writeFileSync(path.join(directory, 'connector.yaml'), connectorYaml(token, origins))
}

/** Asks the client's resolver until it knows the name. */
async function addressOf(name: string, port: number): Promise<string> {
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  for (let tries = 0; tries < 100; tries++) {
    const [address] = await resolver.resolve4(name).catch(() => [])
    if (address !== undefined) return address
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the client's resolver does not know ${name}`)
}

const POLICY = `
version: 1
allow:
  alice-measures: { who: alice@example.com, to: "domain:corp.internal", ports: all }
`

const edgeYaml = (port: number) => `
listen: 127.0.0.1:${port}
state: edge
policy: { file: policy.yaml }
`

const connectorYaml = (token: string, { bulkPort, webPort }: OriginPorts) => `
state: connector
token-file: ${token}
apps:
  - { host: bulk.corp.internal, to: "127.0.0.1:${bulkPort}", ports: ${BULK_PORT} }
  - { host: web.corp.internal, to: "127.0.0.1:${webPort}", ports: ${WEB_PORT} }
`
