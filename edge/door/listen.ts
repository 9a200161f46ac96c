import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Log } from '../../process/log.ts'
import { POST_QUANTUM_ONLY, SERVER_OPTIONS } from '../../tunnel/link.ts'
import type { HttpEnv } from '../http-guard.ts'
import type { HostPort } from '../settings.ts'
import { Handshakes } from './handshakes.ts'
import { Unproven } from './unproven.ts'

export interface ListenOptions {
  readonly listen: HostPort
  readonly tls: { readonly key: string; readonly cert: string }
  /** Offers nothing else: it cannot see what was agreed on, only what it offered. */
  readonly requirePostQuantum: boolean
  readonly connections: number
  readonly unproven: number
  readonly unprovenPerAddress: number
  readonly log: Log
}

export interface Door {
  readonly server: https.Server
  readonly port: number
  /** Who answers HTTP requests from now on; until then they are refused with 503. */
  answer(app: Pick<Hono<HttpEnv>, 'fetch'>): void
  /** New connections are shown this certificate from now on. */
  renew(tls: ListenOptions['tls']): void
  /** A tunnel of this address has proved nothing yet. @returns undefined: too many of them */
  enter(address: string): (() => void) | undefined
  close(): Promise<void>
}

/**
 * The edge's one public listener: TLS 1.3, HTTP for sign-in and enrolment, WebSockets for tunnels.
 * Node waits minutes for slow peers by default; here a peer that is not in after seconds is gone.
 */
export async function openDoor(options: ListenOptions): Promise<Door> {
  const { listen, connections, unprovenPerAddress, log } = options
  const unproven = new Unproven(unprovenPerAddress)
  const ecdhCurve = options.requirePostQuantum ? POST_QUANTUM_ONLY : SERVER_OPTIONS.ecdhCurve
  const context = (tls: ListenOptions['tls']) => ({ ...SERVER_OPTIONS, ecdhCurve, ...tls })
  const server = https.createServer({ ...context(options.tls), ...LIMITS })
  const handshakes = new Handshakes(log)
  server.maxConnections = connections
  countConnections(server, unproven, options.unproven)
  const sockets = openSockets(server)
  let listener = getRequestListener(() => new Response('starting\n', { status: 503 }))
  server.on('request', (request, response) => void listener(request, response))
  server.on('clientError', (_error, socket) => socket.destroy())
  server.on('tlsClientError', (error, socket) => {
    handshakes.failed(error, socket.remoteAddress)
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, resolve)
  })
  return {
    server,
    port: (server.address() as AddressInfo).port,
    answer: (app) => {
      listener = getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0])
    },
    renew: (fresh) => server.setSecureContext(context(fresh)),
    enter: (address) => unproven.enter(address),
    close: () => close(server, sockets),
  }
}

/** Beyond what the tunnel room asks of any server of tunnels. */
const LIMITS = {
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16_384,
} as const

/**
 * A connection holds a place of its address from TCP's accept on; a WebSocket gives it back, for what
 * follows has limits of its own. Beyond `most` the oldest go: a handshake that is begun costs 50 KB, and
 * whoever means it is through in a moment.
 */
function countConnections(server: https.Server, unproven: Unproven, most: number): void {
  const held = new Map<string, { readonly leave: () => void; readonly socket: Socket }>()
  const release = (key: string) => {
    held.get(key)?.leave()
    held.delete(key)
  }
  const dropOldest = () => {
    const [oldest] = held
    oldest?.[1].socket.destroy()
    if (oldest) release(oldest[0])
  }
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket)
    const leave = unproven.enter(socket.remoteAddress ?? '')
    if (!leave) {
      socket.destroy()
      return
    }
    held.set(key, { leave, socket })
    if (held.size > most) dropOldest()
    socket.once('close', () => release(key))
  })
  server.on('upgrade', ({ socket, url = '' }: IncomingMessage) => {
    release(keyOf(socket))
    // At the very start and end nobody takes tunnels either.
    const isTaken = url.split('?', 1)[0] === '/tunnel' && server.listenerCount('upgrade') > 1
    if (!isTaken) socket.end(NOTHING_HERE, () => socket.destroy())
  })
}

/** Node leaves an upgrade that nobody takes open for ever; half of it, until the peer closes as well. */
const NOTHING_HERE = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n'

/** The TLS socket that asks for a WebSocket and the TCP socket below it have the same peer. */
const keyOf = (socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>) =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`

function openSockets(server: https.Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/** Tunnels have this long to take their last word; Node itself would wait for them without end. */
const LAST_WORD_MS = 3000

function close(server: https.Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, LAST_WORD_MS)
    server.close(() => {
      clearTimeout(giveUp)
      resolve()
    })
    server.closeAllConnections()
  })
}
