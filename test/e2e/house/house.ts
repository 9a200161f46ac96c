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
import type { FlowRow } from '../../../edge/flows/row.ts'
import { type Ran, Room, type RunOptions } from './room.ts'
import { type Services, startServices, untilListening } from './services.ts'

/** The ordinary user that runs the on-ramps: nobody, without any capability. */
const USER = 65_534
const root = path.resolve(import.meta.dirname, '../../..')
const NODE = path.join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
const EDGE = '10.81.1.2'
const ORIGIN = '10.81.2.10'
const EDGE_PORT = 8443

/** alice may reach all of it, bob nothing; carol's rule is what tests take away. */
export const POLICY = `
version: 1
groups:
  staff: [alice@example.com]
allow:
  staff-reach-everything:
    who: group:staff
    to: domain:corp.internal
    ports: all
  carol-reads-the-wiki:
    who: carol@example.com
    to: wiki.corp.internal
    ports: [80, 443]
`

/**
 * Five hosts: a client and an edge and two connectors on one network; two connectors and the origins
 * on another, which has no way to the first but through a connector.
 */
export class House {
  readonly directory: string
  readonly client: Room
  readonly edge: Room
  readonly connectors: readonly [Room, Room]
  readonly origins: Room
  readonly #internet: Room
  readonly #processes = new Map<string, ChildProcess>()
  #services: Services | undefined

  constructor(prefix: string) {
    this.directory = mkdtempSync('/tmp/byname-house-')
    chmodSync(this.directory, 0o755)
    this.#internet = new Room(`${prefix}-inet`)
    this.#internet.makeSwitch('10.81.1.1/24')
    this.origins = new Room(`${prefix}-priv`)
    this.origins.makeSwitch(`${ORIGIN}/24`)
    this.client = new Room(`${prefix}-client`, '10.81.1.1')
    this.client.plug(this.#internet, `${prefix}c`, '10.81.1.3/24')
    this.edge = new Room(`${prefix}-edge`, '10.81.1.1')
    this.edge.plug(this.#internet, `${prefix}e`, `${EDGE}/24`)
    this.connectors = [this.#connectorRoom(prefix, 1), this.#connectorRoom(prefix, 2)]
  }

  get services(): Services {
    if (!this.#services) throw new Error('the house is not up')
    return this.#services
  }

  /** Starts the origins, the edge and both connectors, and waits until alice reaches the wiki. */
  async up(): Promise<void> {
    this.#startInternetDns()
    this.#services = await startServices(this.origins, ORIGIN, path.join(this.directory, 'origins'))
    writeFileSync(this.policyFile, POLICY)
    writeFileSync(path.join(this.directory, 'edge.yaml'), EDGE_YAML)
    await this.startEdge()
    await this.#enrol(1)
    await this.#enrol(2)
    await this.untilReachable()
  }

  get policyFile(): string {
    return path.join(this.directory, 'policy.yaml')
  }

  async startEdge(): Promise<void> {
    const config = path.join(this.directory, 'edge.yaml')
    const profiles = path.join(this.directory, 'minted')
    this.#start('edge', this.edge, [
      ...[path.join(root, 'cli/demo/edge.ts'), '--config', config, '--profiles', profiles],
      ...['--people', 'alice@example.com,bob@example.com,carol@example.com'],
    ])
    await untilListening(this.edge, EDGE_PORT)
    for (let tries = 0; ; tries++) {
      const { code } = await this.edgeVerb('edge', 'status', '--json')
      if (code === 0) break
      if (tries === 50) throw new Error('the edge does not come up')
      await pause(100)
    }
    this.#handProfilesOver(profiles)
  }

  startConnector(number: 1 | 2): void {
    const config = path.join(this.directory, `connector${number}.yaml`)
    const room = this.connectors[number - 1] ?? this.connectors[0]
    this.#start(`connector${number}`, room, [
      ...[path.join(root, 'cli/main.ts'), 'connector', 'run', '--config', config],
    ])
  }

  /** kill -9. */
  kill(name: 'edge' | 'connector1' | 'connector2'): Promise<void> {
    const child = this.#processes.get(name)
    const ended = new Promise<void>((resolve) => child?.on('exit', () => resolve()))
    child?.kill('SIGKILL')
    return ended
  }

  /** `byname run --profile WHO -- COMMAND` in the client's room, as an ordinary user. */
  byname(who: string, command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.client.run(this.#asUser(['run', '--profile', who, '--', ...command]), options)
  }

  /** Any other verb in the client's room, as the ordinary user. */
  clientVerb(...args: string[]): Promise<Ran> {
    return this.client.run(this.#asUser(args))
  }

  /** Starts a verb in the client's room and leaves it running. */
  startClientVerb(...args: string[]): ChildProcess {
    return this.client.start(this.#asUser(args), { stdio: 'pipe' })
  }

  startByname(who: string, command: readonly string[]): ChildProcess {
    return this.startClientVerb('run', '--profile', who, '--', ...command)
  }

  /** An admin's verb on the edge's host. */
  edgeVerb(...args: string[]): Promise<Ran> {
    const env = { ...process.env, BYNAME_STATE_DIR: path.join(this.directory, 'edge-state') }
    return this.edge.run([NODE, QUIET, path.join(root, 'cli/main.ts'), ...args], { env })
  }

  /** The edge's flow records of a person and a name, joined, the newest first. */
  async flows(who: string, name: string): Promise<FlowRow[]> {
    const listed = await this.edgeVerb('flow', 'list', '--json', '--who', who, '--name', name)
    if (listed.code !== 0) throw new Error(`flow list: ${listed.stderr}`)
    const rows = listed.stdout.split('\n').filter(Boolean)
    return rows.map((line) => JSON.parse(line) as FlowRow)
  }

  /** Waits until `who` gets the wiki's page, 20 s at most. */
  async untilReachable(who = 'alice'): Promise<void> {
    const curl = ['curl', '-sS', '-m', '5', 'http://wiki.corp.internal/']
    for (let tries = 0; ; tries++) {
      const ran = await this.byname(who, curl)
      if (ran.stdout === 'the wiki\n') return
      if (tries === 40) throw new Error(`wiki not reachable: ${JSON.stringify(ran)}`)
      await pause(250)
    }
  }

  async close(): Promise<void> {
    for (const room of [this.client, this.edge, ...this.connectors, this.origins, this.#internet])
      await room.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #connectorRoom(prefix: string, number: number): Room {
    const room = new Room(`${prefix}-con${number}`, ORIGIN)
    room.plug(this.#internet, `${prefix}i${number}`, `10.81.1.${10 + number}/24`)
    room.plug(this.origins, `${prefix}p${number}`, `10.81.2.${number}/24`)
    return room
  }

  #startInternetDns(): void {
    this.#internet.start([
      ...['dnsmasq', '--keep-in-foreground', '--no-resolv', '--no-hosts', '--bind-interfaces'],
      ...['--listen-address=10.81.1.1', `--pid-file=${this.directory}/inet-dns.pid`],
      ...['--address=/edge.example/10.81.1.2', '--address=/public.example/10.81.1.1'],
    ])
  }

  async #enrol(number: 1 | 2): Promise<void> {
    const token = path.join(this.directory, `token${number}`)
    const grant = ['--may-publish', 'domain:corp.internal']
    const made = await this.edgeVerb('connector', 'token', `hq${number}`, ...grant)
    if (made.code !== 0) throw new Error(`connector token: ${made.stderr}`)
    writeFileSync(token, made.stdout, { mode: 0o600 })
    const state = path.join(this.directory, `connector-state${number}`)
    writeFileSync(
      path.join(this.directory, `connector${number}.yaml`),
      `state: ${state}\ntoken-file: ${token}\n${APPS}`,
    )
    this.startConnector(number)
  }

  #handProfilesOver(minted: string): void {
    const state = path.join(this.directory, 'user-state')
    cpSync(minted, path.join(state, 'profiles'), { recursive: true, force: false })
    mkdirSync(path.join(this.directory, 'user-home'), { recursive: true })
    this.client.runSync(['chown', '-R', `${USER}:${USER}`, state])
    chownSync(path.join(this.directory, 'user-home'), USER, USER)
  }

  /** The clone may lie where nobody can look, so it is shown to the user at /mnt. */
  #asUser(args: readonly string[]): string[] {
    const as = `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all`
    const env = `env HOME=${this.directory}/user-home BYNAME_STATE_DIR=${this.directory}/user-state`
    const script = `mount --bind ${root} /mnt && cd / && ${as} ${env} /mnt/cli/byname "$@"`
    return ['sh', '-c', script, 'byname', ...args]
  }

  #start(name: string, room: Room, args: readonly string[]): void {
    const log = `${this.directory}/${name}.log`
    const script = `exec "$@" >>${log} 2>&1`
    const env = { ...process.env, BYNAME_STATE_DIR: path.join(this.directory, `${name}-state`) }
    const child = room.start(['sh', '-c', script, name, NODE, QUIET, ...args], { env })
    this.#processes.set(name, child)
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const QUIET = '--disable-warning=ExperimentalWarning'

const EDGE_YAML = `
listen: ${EDGE}:${EDGE_PORT}
url: https://edge.example:${EDGE_PORT}
state: edge-state
policy: { file: policy.yaml }
health: 127.0.0.1:9464
`

const APPS = `
apps:
  - { host: wiki.corp.internal, ports: [80, 443] }
  - { host: db.corp.internal, ports: 5432 }
  - { host: git.corp.internal, ports: 22 }
  - { host: cache.corp.internal, ports: 6379 }
  - { host: echo.corp.internal, ports: 9000 }
  - { host: rebind.corp.internal, ports: 80 }
  - { host: metadata.corp.internal, ports: 80 }
`
