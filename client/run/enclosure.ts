import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import type { Server } from 'node:net'
import path from 'node:path'
import type { FromInside, Go, InsideSettings, InsideStep } from './messages.ts'

/** How the program ended, as wait(2) has it. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }

/** The sockets of the inner network that catch what the program sends, now this process's own. */
export interface InnerSockets {
  readonly tcp: readonly Server[]
  readonly udp: readonly UdpSocket[]
  /** The descriptor of nfnetlink in the process inside. */
  readonly netlinkFd: number
}

/** New namespaces, and in them the process that will be the program. */
export interface Enclosure {
  readonly pid: number
  /** @rejects {EnclosureError} when the kernel refuses */
  readonly sockets: Promise<InnerSockets>
  readonly ended: Promise<Ending>
  /** Lets the process inside become the program. */
  release(go: Go): void
  signal(signal: NodeJS.Signals): void
  /** Ends it all, at whatever step it is. */
  abort(): void
}

/** Why there are no namespaces: at which step, and what unshare(1) or the kernel said. */
export class EnclosureError extends Error {
  override readonly name = 'EnclosureError'
  readonly code = 'ERR_NAMESPACE'
  readonly step: 'start' | 'unshare' | InsideStep
  readonly said: string
  constructor(step: EnclosureError['step'], said: string) {
    super(`no namespaces: ${step}: ${said}`)
    this.step = step
    this.said = said
  }
}

export type EnclosureOptions = Omit<InsideSettings, 'stderrFd' | 'parentPid'>

/** Starts at once; the program itself waits for `release`. */
export function enclose(options: EnclosureOptions): Enclosure {
  const settings: InsideSettings = { ...options, stderrFd: STDERR_FD, parentPid: process.pid }
  const words = [...namespaceWords(options.keepsPower), '--', process.execPath]
  const child = spawn('unshare', [...words, ...NODE_FLAGS, INSIDE, JSON.stringify(settings)], {
    // Until the program has it, standard error is ours: what unshare(1) says needs explaining.
    stdio: ['inherit', 'inherit', 'pipe', 'ipc', 2],
    env: insideEnvironment(process.env),
  })
  const ended = endingOf(child)
  const received: Received = { tcp: [], udp: [] }
  return {
    pid: child.pid ?? 0,
    sockets: socketsOf(child, received, ended),
    ended,
    release: (go) => void child.send(go, () => {}),
    signal: (signal) => void child.kill(signal),
    abort() {
      child.kill('SIGKILL')
      // What is still on its way over the channel would keep this process alive.
      if (child.connected) child.disconnect()
      for (const socket of [...received.tcp, ...received.udp]) socket.close()
    },
  }
}

/** The words of unshare(1), util-linux 2.36 or newer; real root needs no user namespace. */
export function namespaceWords(isRoot: boolean): string[] {
  const user = isRoot ? [] : ['-U', '--map-current-user', '--keep-caps']
  return [...user, '-n', '-m', '--propagation', 'slave']
}

const INSIDE = path.join(import.meta.dirname, 'inside', 'main.ts')
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning']
/** Behind 0, 1, 2 and the IPC channel. */
const STDERR_FD = 4
const MAX_SAID = 4096

/** The program gets its environment later; this one is for Node, which must not heed the user's. */
function insideEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = env
  const cache = getCompileCacheDir()
  return cache === undefined ? rest : { ...rest, NODE_COMPILE_CACHE: path.dirname(cache) }
}

interface Received {
  readonly tcp: Server[]
  readonly udp: UdpSocket[]
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal ? { kind: 'signal', signal } : { kind: 'exit', code: code ?? 1 }
}

function socketsOf(
  child: ChildProcess,
  { tcp, udp }: Received,
  ended: Promise<Ending>,
): Promise<InnerSockets> {
  const said = collect(child)
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(new EnclosureError('start', error.code ?? error.message))
    })
    child.on('message', (message: FromInside, handle) => {
      if (message.kind === 'failed') reject(new EnclosureError(message.step, message.errno))
      else if (message.kind === 'ready') resolve({ tcp, udp, netlinkFd: message.netlinkFd })
      else if (message.protocol === 'tcp') tcp.push(handle as Server)
      else udp.push(handle as UdpSocket)
    })
    ended.then(() => reject(new EnclosureError('unshare', said())), reject)
  })
}

/** What was said on standard error before the program had it. */
function collect(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text = (text + part).slice(0, MAX_SAID)
  })
  return () => text.trim()
}
