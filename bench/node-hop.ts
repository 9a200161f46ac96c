/**
 * A bare hop, as small as Node allows: accepts, connects on, `pipe` both ways. What it is told comes
 * as JSON in its one argument.
 */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

/** Which sides are TLS, and with what. */
export interface NodeHop {
  readonly ports: readonly { readonly from: number; readonly to: number }[]
  readonly accepts: 'tcp' | 'tls'
  readonly dials: 'tcp' | 'tls'
  readonly authority: string
  readonly pair: string
  /** OpenSSL group list, of both sides. */
  readonly ecdhCurve: string
}

const hop: NodeHop = JSON.parse(process.argv[2] ?? '')
const common = { minVersion: 'TLSv1.3', ecdhCurve: hop.ecdhCurve } as const
const pair = readFileSync(hop.pair)
const ca = readFileSync(hop.authority)
const stream = { allowHalfOpen: true, noDelay: true }

for (const { from, to } of hop.ports) {
  listener((socket) => join(socket, dial(to))).listen({
    port: from,
    host: '127.0.0.1',
    backlog: 4096,
  })
}

function listener(take: (socket: net.Socket) => void): net.Server {
  if (hop.accepts === 'tcp') return net.createServer(stream, take)
  return tls.createServer({ ...stream, ...common, key: pair, cert: pair }, take)
}

function dial(port: number): net.Socket {
  const host = '127.0.0.1'
  if (hop.dials === 'tcp') return net.connect({ ...stream, host, port })
  const raw = net.connect({ ...stream, host, port })
  return tls.connect({ ...common, socket: raw, host, ca })
}

function join(one: net.Socket, other: net.Socket): void {
  one.on('error', () => other.destroy()).pipe(other)
  other.on('error', () => one.destroy()).pipe(one)
  // `pipe` passes an end on, not a break.
  one.on('close', () => one.readableEnded || other.destroy())
  other.on('close', () => other.readableEnded || one.destroy())
}
