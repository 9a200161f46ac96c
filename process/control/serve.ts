import { rm } from 'node:fs/promises'
import net from 'node:net'
import { Connection, type ControlOptions } from './connection.ts'
import { claimPath } from './path.ts'

export interface ControlServer {
  readonly path: string
  /** Aborts every call, closes every connection and removes the socket file. */
  close(): Promise<void>
}

/**
 * Listens on `path` (0600). A socket file that nobody answers on is replaced.
 * @throws {ControlError} ERR_CONTROL_IN_USE when a live server answers there, ERR_CONTROL_PATH when
 * something that is no socket is there or the path is too long for one
 */
export async function serveControl(options: ControlOptions): Promise<ControlServer> {
  const connections = new Set<Connection>()
  const server = net.createServer({ allowHalfOpen: false }, (socket) => {
    const connection = new Connection(socket, options)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.maxConnections = options.maxConnections ?? 32
  await claimPath(server, options.path)
  return {
    path: options.path,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const connection of connections) connection.close()
      await closed
      await rm(options.path, { force: true })
    },
  }
}
