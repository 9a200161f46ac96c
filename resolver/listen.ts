import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { Conversation, type ConversationLimits } from './conversation.ts'
import type { Resolver } from './resolver.ts'

export interface ServeLimits extends ConversationLimits {
  readonly connections: number
}

const SERVE_LIMITS: ServeLimits = {
  connections: 256,
  pipelined: 32,
  idleMs: 10_000,
}

/** A running resolver. Sockets may come from anywhere, another network namespace too. */
export interface ResolverService {
  addUdp(socket: UdpSocket): void
  addServer(server: Server): void
  /** One TCP connection whose every octet is DNS (RFC 7766), however it was accepted. */
  takeConnection(socket: Socket): void
  /** Closes everything that was added or taken. */
  close(): Promise<void>
}

export function serveResolver(
  resolver: Resolver,
  limits: Partial<ServeLimits> = {},
): ResolverService {
  return new Service(resolver, { ...SERVE_LIMITS, ...limits })
}

/** A UDP socket and a TCP server on one address and port; 0 picks a port that is free for both. */
export async function bindResolver(
  address: string,
  port: number,
): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
  for (let tries = 0; ; tries++) {
    const tcp = await listenTcp(address, port)
    const bound = tcp.address()
    const chosen = typeof bound === 'object' && bound !== null ? bound.port : port
    try {
      return { udp: await bindUdp(address, chosen), tcp, port: chosen }
    } catch (error) {
      tcp.close()
      if (port !== 0 || tries >= 20) throw error
    }
  }
}

class Service implements ResolverService {
  readonly #resolver: Resolver
  readonly #limits: ServeLimits
  readonly #udp: UdpSocket[] = []
  readonly #servers: Server[] = []
  readonly #conversations = new Set<Conversation>()

  constructor(resolver: Resolver, limits: ServeLimits) {
    this.#resolver = resolver
    this.#limits = limits
  }

  addUdp(socket: UdpSocket): void {
    this.#udp.push(socket)
    // An ICMP error about some asker who has gone is nothing to end the service for.
    socket.on('error', ignore)
    socket.on('message', (query, from) => this.#answerUdp(socket, query, from.port, from.address))
  }

  addServer(server: Server): void {
    this.#servers.push(server)
    server.on('error', ignore)
    server.on('connection', (socket) => this.takeConnection(socket))
  }

  takeConnection(socket: Socket): void {
    if (this.#conversations.size >= this.#limits.connections) {
      socket.destroy()
      return
    }
    const conversation = new Conversation(socket, this.#resolver, this.#limits)
    this.#conversations.add(conversation)
    socket.on('close', () => this.#conversations.delete(conversation))
  }

  async close(): Promise<void> {
    for (const conversation of this.#conversations) conversation.close()
    const closing = [...this.#servers, ...this.#udp].map(
      (one) => new Promise<void>((done) => closeOnce(one, done)),
    )
    await Promise.all(closing)
  }

  #answerUdp(socket: UdpSocket, query: Buffer, port: number, address: string): void {
    // A forged source port of 0 can be sent to by nobody.
    if (port === 0) return
    const answer = this.#resolver.answer(query, 'udp')
    if (!(answer instanceof Promise)) {
      if (answer) send(socket, answer, port, address)
      return
    }
    void answer.then((bytes) => {
      if (bytes) send(socket, bytes, port, address)
    })
  }
}

function send(socket: UdpSocket, answer: Uint8Array, port: number, address: string): void {
  try {
    // Without a callback: an asker that is gone is an 'error' event, and nothing waits a turn.
    socket.send(answer, port, address)
  } catch {
    // Closed meanwhile.
  }
}

function listenTcp(address: string, port: number): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>()
  const server = createServer({ allowHalfOpen: true })
  server.once('error', reject)
  server.listen(port, address, () => {
    server.off('error', reject)
    resolve(server)
  })
  return promise
}

function bindUdp(address: string, port: number): Promise<UdpSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<UdpSocket>()
  const family = isIPv6(address) ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Askers are addresses already: the system's resolver has no part in answering.
    lookup: (asker, _options, done) => done(null, asker, family),
  })
  socket.once('error', (error) => {
    socket.close()
    reject(error)
  })
  socket.bind(port, address, () => {
    socket.removeAllListeners('error')
    resolve(socket)
  })
  return promise
}

function closeOnce(one: Server | UdpSocket, done: () => void): void {
  try {
    one.close(() => done())
  } catch {
    done()
  }
}

const ignore = () => {}
