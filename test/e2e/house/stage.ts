import type { ChildProcess } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import type { ConnectorStatus } from '../../../connector/status.ts'
import type { EdgeStatus } from '../../../edge/control/status.ts'
import type { FlowFilter, FlowRow } from '../../../edge/flows/row.ts'
import { callControl } from '../../../process/control.ts'
import { Client, USER } from './client.ts'
import type { Plug } from './network.ts'
import { Program } from './program.ts'
import { type Ran, Room } from './room.ts'
import { type Services, startServices, untilListening } from './services.ts'
import { until } from './until.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const NODE = path.join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
const QUIET = '--disable-warning=ExperimentalWarning'
const MAIN = path.join(root, 'cli/main.ts')
const PORT = 8443
const HEALTH_PORT = { one: 9464, two: 9465 } as const

export const EDGES = { one: '10.81.1.2', two: '10.81.1.4' } as const
export type EdgeName = keyof typeof EDGES
/** Where every origin of a stage is. */
export const ORIGIN = '10.81.2.10'

export interface ConnectorHost {
  readonly room: Room
  /** On the side of the edges. */
  readonly plug: Plug
}

/** alice may reach all of it; carol's rule is what a test takes away. */
export const STAGE_POLICY = `version: 1
groups: { staff: [alice@example.com, dave@example.com] }
allow:
  staff-reach-everything: { who: "group:staff", to: "domain:corp.internal", ports: all }
  carol-reaches-everything: { who: carol@example.com, to: "domain:corp.internal", ports: all }
`

/**
 * Two edges on one host sharing one state directory, with as many clients and connectors around them
 * as a test wants, each a host of its own; origins behind the connectors only.
 */
export class Stage {
  readonly directory: string
  readonly edgeRoom: Room
  readonly origins: Room
  readonly #prefix: string
  readonly #internet: Room
  readonly #rooms: Room[] = []
  readonly #clients: Client[] = []
  readonly #edges = new Map<EdgeName, Program>()
  readonly #connectors = new Map<string, Program>()
  #hosts = 0
  #starts = 0
  #services: Services | undefined

  constructor(prefix: string) {
    Room.sweep(prefix)
    this.#prefix = prefix
    this.directory = mkdtempSync('/tmp/byname-stage-')
    chmodSync(this.directory, 0o755)
    mkdirSync(path.join(this.directory, 'home'))
    chownSync(path.join(this.directory, 'home'), USER, USER)
    this.#internet = this.#room('inet')
    this.#internet.makeSwitch('10.81.1.1/24')
    this.origins = this.#room('orig')
    this.origins.makeSwitch(`${ORIGIN}/24`)
    this.edgeRoom = this.#room('edge', '10.81.1.1')
    this.edgeRoom.plug(this.#internet, `${prefix}e`, `${EDGES.one}/24`)
    this.edgeRoom.runSync(['ip', 'addr', 'add', `${EDGES.two}/24`, 'dev', `${prefix}ea`])
    writeFileSync(this.policyFile, STAGE_POLICY)
  }

  get policyFile(): string {
    return path.join(this.directory, 'policy.yaml')
  }

  get services(): Services {
    if (!this.#services) throw new Error('this stage has no services')
    return this.#services
  }

  /** nginx, PostgreSQL, sshd and the others of services.ts. */
  async startServices(): Promise<void> {
    this.#services = await startServices(this.origins, ORIGIN, path.join(this.directory, 'origins'))
  }

  /** The server of origin.ts. */
  async startOrigin(port: number): Promise<void> {
    const program = path.join(import.meta.dirname, 'origin.ts')
    this.origins.start([NODE, QUIET, program, ORIGIN, String(port)])
    await untilListening(this.origins, port)
  }

  /** Starts an edge, again too, and waits until it serves. `more` is added to its settings. */
  async startEdge(name: EdgeName, more = ''): Promise<void> {
    const config = this.#edgeConfig(name)
    if (!this.#edges.has(name) || more !== '') writeFileSync(config, this.#edgeYaml(name) + more)
    const profiles = path.join(this.directory, 'minted')
    const people = name === 'one' ? 'alice@example.com,carol@example.com,dave@example.com' : ''
    const words = ['--config', config, '--profiles', profiles, '--people', people]
    const program = path.join(root, 'cli/demo/edge.ts')
    const edge = this.#start(name, this.edgeRoom, [program, ...words])
    this.#edges.set(name, edge)
    await until(() => /^\{"url":/m.test(edge.log), {
      what: `the edge ${name} serves`,
      failed: () => edge.log,
    })
    if (name === 'one') this.#handProfilesOver(profiles)
  }

  isRunning(name: EdgeName): boolean {
    return this.#edges.get(name)?.isRunning ?? false
  }

  edge(name: EdgeName): Program {
    const program = this.#edges.get(name)
    if (!program) throw new Error(`the edge ${name} was never started`)
    return program
  }

  /** An admin's verb on the edges' host, about one of them. */
  edgeVerb(name: EdgeName, group: string, verb: string, ...args: string[]): Promise<Ran> {
    const config = ['--config', this.#edgeConfig(name)]
    return this.edgeRoom.run([NODE, QUIET, MAIN, group, verb, ...config, ...args])
  }

  /** What `byname edge status` asks, without the start of a process. */
  async edgeStatus(name: EdgeName): Promise<EdgeStatus> {
    return (await callControl(path.join(this.directory, `${name}.sock`), 'status')) as EdgeStatus
  }

  /** The edge that carries most flows now. */
  async carrier(): Promise<EdgeName> {
    const names = [...this.#edges].filter(([, program]) => program.isRunning).map(([name]) => name)
    const counts = await Promise.all(names.map((name) => this.edgeStatus(name)))
    const most = Math.max(...counts.map(({ flows }) => flows.live))
    const name = names.find((_, index) => counts[index]?.flows.live === most)
    if (!name || most === 0) throw new Error('no edge carries a flow')
    return name
  }

  /** Flow records, joined, the newest first, as one edge tells them. */
  async flows(name: EdgeName, filter: Partial<FlowFilter> = {}): Promise<FlowRow[]> {
    const socket = path.join(this.directory, `${name}.sock`)
    const params = { ...filter, limit: 10_000 }
    return ((await callControl(socket, 'flow.list', params)) as { flows: FlowRow[] }).flows
  }

  /** A host with a connector that publishes these entries of `apps:`; its tunnels stand. */
  async addConnector(
    name: string,
    apps: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<ConnectorHost> {
    const number = this.#hosts++
    const room = this.#room(name, ORIGIN)
    room.plug(this.#internet, `${this.#prefix}i${number}`, `10.81.1.${100 + number}/24`)
    room.plug(this.origins, `${this.#prefix}p${number}`, `10.81.2.${100 + number}/24`)
    const token = path.join(this.directory, `${name}.token`)
    const grant = ['--may-publish', 'domain:corp.internal']
    const made = await this.edgeVerb('one', 'connector', 'token', name, ...grant)
    if (made.code !== 0) throw new Error(`connector token: ${made.stderr}`)
    writeFileSync(token, made.stdout, { mode: 0o600 })
    const state = path.join(this.directory, `${name}-state`)
    const list = apps.map((app) => `  - ${app}\n`).join('')
    const config = path.join(this.directory, `${name}.yaml`)
    writeFileSync(config, `state: ${state}\ntoken-file: ${token}\napps:\n${list}`)
    const words = [MAIN, 'connector', 'run', '--config', config]
    this.#connectors.set(name, this.#start(name, room, words, env))
    await this.untilTunnels(name)
    const plug = { device: `${this.#prefix}i${number}a`, address: `10.81.1.${100 + number}` }
    return { room, plug }
  }

  connector(name: string): Program {
    const program = this.#connectors.get(name)
    if (!program) throw new Error(`no connector ${name}`)
    return program
  }

  /** What `byname connector status` asks. */
  async connectorStatus(name: string): Promise<ConnectorStatus> {
    const socket = path.join(this.directory, `${name}-state`, 'connector.sock')
    return (await callControl(socket, 'status')) as ConnectorStatus
  }

  /** Waits until the connector has a tunnel to every edge that runs. */
  async untilTunnels(connector: string): Promise<void> {
    const running = [...this.#edges].filter(([, { isRunning }]) => isRunning)
    const origins = running.map(([name]) => `https://${EDGES[name]}:${PORT}`)
    let tunnels: ConnectorStatus['tunnels'] = []
    await until(
      async () => {
        tunnels = (await this.connectorStatus(connector).catch(() => undefined))?.tunnels ?? []
        const open = new Set(
          tunnels.filter(({ state }) => state === 'open').map(({ edge }) => edge),
        )
        return origins.every((origin) => open.has(origin))
      },
      {
        what: `${connector} has tunnels to ${origins.join(' and ')}`,
        failed: () => `${JSON.stringify(tunnels)}\n${this.connector(connector).log}`,
      },
    )
  }

  /** One more host on the outer network, with byname's client on it. */
  addClient(): Client {
    const number = this.#clients.length
    const room = this.#room(`c${number}`, '10.81.1.1')
    const wire = `${this.#prefix}c${number}`
    const address = `10.81.1.${20 + number}`
    room.plug(this.#internet, wire, `${address}/24`)
    const client = new Client(room, { device: `${wire}a`, address }, this.directory)
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const room of this.#rooms.toReversed()) await room.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #room(name: string, nameserver?: string): Room {
    const room = new Room(`${this.#prefix}-${name}`, nameserver)
    this.#rooms.push(room)
    return room
  }

  #start(
    name: string,
    room: Room,
    words: readonly string[],
    more: NodeJS.ProcessEnv = {},
  ): Program {
    const log = `${this.directory}/${name}-${this.#starts++}.log`
    const state = path.join(this.directory, `${name}-home`)
    const env = { ...process.env, BYNAME_STATE_DIR: state, ...more }
    const shell = ['sh', '-c', `exec "$@" >>${log} 2>&1`, name, NODE, QUIET, ...words]
    const child: ChildProcess = room.start(shell, { env })
    return new Program(child, log)
  }

  #handProfilesOver(minted: string): void {
    const state = path.join(this.directory, 'user-state')
    cpSync(minted, path.join(state, 'profiles'), { recursive: true, force: false })
    this.edgeRoom.runSync(['chown', '-R', `${USER}:${USER}`, state])
  }

  #edgeConfig(name: EdgeName): string {
    return path.join(this.directory, `edge-${name}.yaml`)
  }

  #edgeYaml(name: EdgeName): string {
    return `listen: ${EDGES[name]}:${PORT}
url: https://${EDGES[name]}:${PORT}
name: ${name}
state: edge-state
control: ${name}.sock
policy: { file: policy.yaml }
health: 127.0.0.1:${HEALTH_PORT[name]}
`
  }
}
