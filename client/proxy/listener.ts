import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type ListenAt, listen } from '../listen.ts'
import type { Door } from '../peer/door.ts'
import type { Front } from './front.ts'
import { answerHttp, makeHttpServer } from './http.ts'
import { serveSocks } from './socks.ts'

export interface ProxyListener {
  readonly port: number
  close(): Promise<void>
}

const FIRST_BYTE_MS = 10_000
/** As many flows as an edge lets one session have, if its admin does not say otherwise. */
const MAX_CONNECTIONS = 20_000

/**
 * Opens the proxy port: one loopback address where SOCKS5, SOCKS4a and HTTP are told apart by their
 * first byte (5, 4, or a letter). `makeFront` is called once, when the port is known.
 * @throws {ListenError}
 */
export async function openProxy(
  at: ListenAt,
  door: Door,
  makeFront: (port: number) => Front,
): Promise<ProxyListener> {
  const server = makeHttpServer()
  const serveHttp = takeSockets(server)
  server.maxConnections = MAX_CONNECTIONS
  const port = await listen(server, at)
  const front = makeFront(port)
  const open = new Set<Socket>()
  answerHttp(server, front)
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    receive(front, door, socket, serveHttp)
  })
  return {
    port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** node's HTTP server accepts for us, with its own timeouts, but gets only the sockets given to it. */
function takeSockets(server: Server): (socket: Socket) => void {
  const [own] = server.listeners('connection')
  server.removeAllListeners('connection')
  return (socket) => own?.call(server, socket)
}

function receive(front: Front, door: Door, socket: Socket, serveHttp: (socket: Socket) => void) {
  socket.on('error', () => socket.destroy())
  if (!door.admits(socket)) {
    front.counts.otherUser++
    socket.resetAndDestroy()
    return
  }
  front.counts.accepted++
  const deadline = setTimeout(() => socket.destroy(), FIRST_BYTE_MS)
  const giveUp = () => socket.destroy()
  socket.once('close', () => clearTimeout(deadline))
  socket.once('end', giveUp)
  socket.once('data', (chunk: Buffer) => {
    clearTimeout(deadline)
    socket.off('end', giveUp)
    socket.pause()
    socket.unshift(chunk)
    serveByFirst(front, chunk[0] ?? 0, socket, serveHttp)
    socket.resume()
  })
}

function serveByFirst(
  front: Front,
  first: number,
  socket: Socket,
  serveHttp: (socket: Socket) => void,
): void {
  if (first === 5 || first === 4) serveSocks(front, socket)
  else if (isLetter(first)) serveHttp(socket)
  else {
    front.counts.unknownProtocol++
    socket.destroy()
  }
}

/** RFC 9110 §9.1: methods are tokens, and every registered one begins with a letter. */
const isLetter = (byte: number) => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
