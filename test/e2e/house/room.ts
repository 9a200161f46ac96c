import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'

/** What a program said and how it ended. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A host of the test's own network: a network namespace, and the programs that run in it. */
export class Room {
  readonly name: string
  readonly #children = new Set<ChildProcess>()

  constructor(name: string, nameserver?: string) {
    this.name = name
    ip('netns', 'add', name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    if (nameserver !== undefined) this.#useNameserver(nameserver)
  }

  /** Removes what a killed run left of the rooms whose names begin with `prefix-`. */
  static sweep(prefix: string): void {
    const { stdout } = spawnSync('ip', ['-o', 'netns', 'list'], { encoding: 'utf8' })
    const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '')
    for (const name of names.filter((one) => one.startsWith(`${prefix}-`))) {
      killAllIn(name)
      ip('netns', 'del', name)
    }
  }

  /** Plugs the room into the switch of another room and gives it an address (`10.81.1.2/24`). */
  plug(into: Room, wire: string, address: string): void {
    ip(
      'link',
      'add',
      `${wire}a`,
      'netns',
      this.name,
      'type',
      'veth',
      'peer',
      `${wire}b`,
      'netns',
      into.name,
    )
    ip('-n', into.name, 'link', 'set', `${wire}b`, 'master', 'switch', 'up')
    ip('-n', this.name, 'addr', 'add', address, 'dev', `${wire}a`)
    ip('-n', this.name, 'link', 'set', `${wire}a`, 'up')
  }

  /** Makes this room a switch with an address of its own. */
  makeSwitch(address: string): void {
    ip('-n', this.name, 'link', 'add', 'switch', 'type', 'bridge')
    ip('-n', this.name, 'addr', 'add', address, 'dev', 'switch')
    ip('-n', this.name, 'link', 'set', 'switch', 'up')
  }

  /** Starts a program in the room; it is killed with the room. */
  start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, ...command], {
      stdio: 'ignore',
      ...options,
    })
    this.#children.add(child)
    child.on('exit', () => this.#children.delete(child))
    child.on('error', () => this.#children.delete(child))
    return child
  }

  /** Runs a program in the room to its end, `input` on its stdin. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const { input = '', timeoutMs = 60_000, ...rest } = options
    const child = this.start(command, { ...rest, stdio: 'pipe' })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (exitCode, signal) => resolve(exitCode ?? (signal ? 128 : 1)))
    })
    clearTimeout(timer)
    return { code, stdout: await stdout, stderr: await stderr }
  }

  /** Runs a short program in the room and waits for it; one that fails throws. */
  runSync(command: readonly string[]): void {
    ip('netns', 'exec', this.name, ...command)
  }

  async close(): Promise<void> {
    for (let tries = 0; tries < 50 && killAllIn(this.name) > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    ip('netns', 'del', this.name)
    rmSync(`/etc/netns/${this.name}`, { recursive: true, force: true })
  }

  #useNameserver(address: string): void {
    mkdirSync(`/etc/netns/${this.name}`, { recursive: true })
    writeFileSync(`/etc/netns/${this.name}/resolv.conf`, `nameserver ${address}\n`)
    writeFileSync(`/etc/netns/${this.name}/nsswitch.conf`, 'hosts: files dns\npasswd: files\n')
  }
}

export type RunOptions = SpawnOptions & { input?: string | Buffer; timeoutMs?: number }

/** Whether the machine lets a test make namespaces (root with CAP_SYS_ADMIN). */
export function whyNoRooms(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces of our own need root'
  const probe = spawnSync('unshare', ['-n', 'true'], { encoding: 'utf8' })
  return probe.status === 0 ? undefined : `no network namespaces here: ${probe.stderr.trim()}`
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`)
}

/** Kills whatever runs in the namespace; how many that were. */
function killAllIn(name: string): number {
  const listed = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout
  const pids = listed.split('\n').filter(Boolean)
  pids.forEach(kill)
  return pids.length
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function kill(pid: string): void {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch {
    // It ended by itself between the listing and here.
  }
}
