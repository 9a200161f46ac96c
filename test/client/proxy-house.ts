import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net'
import type { Door } from '../../client/peer/door.ts'
import { openDoor } from '../../client/peer/door.ts'
import { type Front, noCounts } from '../../client/proxy/front.ts'
import { openProxy, type ProxyListener } from '../../client/proxy/listener.ts'
import type { CheckCredential } from '../../client/proxy/socks-dialogue.ts'
import { sentenceOf } from '../../client/refusal.ts'
import { silentLog } from '../../process/log.ts'
import type { WayDouble } from './way-double.ts'

export interface ProxyUnderTest extends ProxyListener {
  readonly front: Front
  readonly said: string[]
}

/** The proxy port on a Way double, on a free port of 127.0.0.1. */
export async function proxyOn(
  way: WayDouble,
  options: { only?: boolean; check?: CheckCredential; door?: Door } = {},
): Promise<ProxyUnderTest> {
  const said: string[] = []
  const holder: { front?: Front } = {}
  const listener = await openProxy(
    { address: '127.0.0.1', port: 0 },
    options.door ?? openDoor,
    (port) => {
      const front: Front = {
        way,
        own: `127.0.0.1:${port}`,
        check: options.check,
        log: silentLog,
        counts: noCounts(),
        onRefused: (refusal, target) => said.push(sentenceOf(refusal, target, way.person)),
        routes: {
          ownership: way.ownership,
          nameAt: () => undefined,
          isSynthetic: () => false,
          only: options.only ?? false,
          own: { address: '127.0.0.1', port },
        },
      }
      holder.front = front
      return front
    },
  )
  if (!holder.front) throw new Error('no front')
  return { ...listener, front: holder.front, said }
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly uid?: number
  readonly gid?: number
  readonly input?: string
  /** Standard input stays open. */
  readonly keepInput?: boolean
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a real program. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const { input, keepInput, ...ids } = options
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', HOME: '/' }
    const child = spawn(command, args, { env, ...ids })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    if (!keepInput) child.stdin.end(input)
  })
}

export const curl = (...args: string[]) => run('curl', ['-sS', '--max-time', '5', ...args])

/** An HTTP origin on a free port. */
export async function httpOrigin(answer: RequestListener) {
  const server = createServer(answer)
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  return {
    port,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A TCP origin on a free port. */
export async function tcpOrigin(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createTcp({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const origin = await tcpOrigin(() => {})
  origin.close()
  return origin.port
}

/** Sends bytes as they are and collects what comes back until the other end closes. */
export function talk(port: number, bytes: Uint8Array | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no end; so far: ${Buffer.concat(chunks).toString('latin1')}`))
    }, 4000)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks))
    })
    socket.write(bytes)
  })
}

export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}
