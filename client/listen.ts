import type { AddressInfo, Server } from 'node:net'

/** A loopback address and port; port 0 picks a free one. */
export interface ListenAt {
  readonly address: string
  readonly port: number
}

/** Why a port could not be had. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'ERR_LISTEN'
  readonly exitCode = 2
  readonly errno: string
  readonly why: string
  readonly at: ListenAt
  constructor(at: ListenAt, error: NodeJS.ErrnoException) {
    super(`cannot listen on ${at.address}:${at.port}`)
    this.errno = error.code ?? 'unknown'
    this.why = WHY[this.errno] ?? error.message
    this.at = at
  }
}

const WHY: Record<string, string> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'the kernel keeps this port from programs that are not root',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/**
 * Listens, and resolves with the port.
 * @throws {ListenError}
 */
export function listen(server: Server, at: ListenAt): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new ListenError(at, error))
    server.once('error', fail)
    server.listen({ host: at.address, port: at.port, backlog: 511 }, () => {
      server.off('error', fail)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
