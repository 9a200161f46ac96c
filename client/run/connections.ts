import type { Server, Socket } from 'node:net'
import type { Hostname } from '../../names/hostname.ts'
import { destinationOf, type SyntheticNames } from './destination.ts'
import { dialOutside } from './outside.ts'

/** What becomes of a caught connection. Its socket is half-open when one side has ended. */
export interface Ways {
  readonly names: SyntheticNames
  /** A name of ours: over the way, through the gate. */
  carry(socket: Socket, name: Hostname, port: number): void
  /** A connection whose every octet is DNS. */
  takeDns(socket: Socket): void
}

/** The program's connections that are open. */
export interface Connections {
  readonly count: number
  /** Those in which the program has said its last. */
  readonly ending: number
  /** Bytes that came from the program so far, over the open ones. */
  readonly bytesFromProgram: number
  /** Takes no more connections. */
  close(): void
}

/** A browser with many tabs opens some hundred; each costs one or two descriptors here. */
export const MAX_CONNECTIONS = 8192

/** Accepts what the inner network's transparent listeners catch. */
export function catchConnections(
  servers: readonly Server[],
  ways: Ways,
  max = MAX_CONNECTIONS,
): Connections {
  const open = new Set<Socket>()
  for (const server of servers) {
    prepare(server)
    server.on('connection', (socket: Socket) => {
      if (open.size >= max) return void socket.resetAndDestroy()
      open.add(socket)
      socket.on('close', () => open.delete(socket))
      route(socket, ways)
    })
  }
  const sum = (of: (socket: Socket) => number) => [...open].reduce((all, one) => all + of(one), 0)
  return {
    get count() {
      return open.size
    },
    get ending() {
      return sum((socket) => (socket.readableEnded ? 1 : 0))
    },
    get bytesFromProgram() {
      return sum((socket) => socket.bytesRead)
    },
    close: () => servers.forEach((server) => void server.close()),
  }
}

/** A server that came over the IPC channel has lost its options. */
function prepare(server: Server): void {
  Object.assign(server, { allowHalfOpen: true, noDelay: true })
  server.on('error', () => {})
}

function route(socket: Socket, ways: Ways): void {
  // Whoever takes the socket adds a listener of its own; a reset before that must not end us.
  socket.on('error', () => {})
  const { localAddress = '', localPort = 0 } = socket
  const destination = destinationOf(localAddress, localPort, ways.names)
  switch (destination.kind) {
    case 'name':
      ways.carry(socket, destination.name, destination.port)
      break
    case 'dns':
      ways.takeDns(socket)
      break
    case 'outside':
      dialOutside(socket, destination.address, destination.port)
      break
    case 'nobody':
      socket.resetAndDestroy()
  }
}
