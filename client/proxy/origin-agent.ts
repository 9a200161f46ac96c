import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { FlowStream } from '../flow-stream.ts'
import { withRefused } from '../refusing.ts'
import { readDestination } from './destination.ts'
import { dialDirect } from './direct.ts'
import type { Front } from './front.ts'
import { routeOf } from './route.ts'

/** Finds the agent of a client connection. */
export interface OriginAgents {
  of(client: Socket): OriginAgent
}

/**
 * Connections to origins are kept for one client connection, and for that one only: what an origin
 * ties to a connection (NTLM, say) stays with the program that logged in, and nothing that an origin
 * left behind in a connection reaches another program.
 */
export function makeAgents(front: Front): OriginAgents {
  const agents = new WeakMap<Socket, OriginAgent>()
  return {
    of(client) {
      const known = agents.get(client)
      if (known) return known
      const agent = new OriginAgent((host, port) => connectTo(front, host, port))
      agents.set(client, agent)
      client.once('close', () => agent.destroy())
      return agent
    },
  }
}

type ConnectTo = (host: string, port: number) => Duplex

export class OriginAgent extends Agent {
  readonly #connectTo: ConnectTo

  constructor(connectTo: ConnectTo) {
    super({ keepAlive: true, maxSockets: 6, maxFreeSockets: 2 })
    this.#connectTo = connectTo
  }

  override createConnection(options: { host?: string | null; port?: number | string | null }) {
    return this.#connectTo(String(options.host), Number(options.port))
  }

  /** A flow is no socket: it has no keep-alive of its own and holds no process open. */
  override keepSocketAlive(): boolean {
    return true
  }

  override reuseSocket(): void {}
}

function connectTo(front: Front, host: string, port: number): Duplex {
  const to = readDestination(host, port)
  const route = to.kind === 'bad' ? undefined : routeOf(to, front.routes)
  if (route?.kind === 'direct') return dialDirect(route.host, route.port)
  // The catalogue changed since the request was read.
  if (route?.kind !== 'flow') throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  const target = { name: route.name, port, protocol: 'tcp', onRamp: 'http-proxy' } as const
  return new FlowStream((handlers) =>
    front.way.open(
      target,
      withRefused(handlers, (refusal) => {
        front.onRefused(refusal, target)
        handlers.refused?.(refusal)
      }),
    ),
  )
}
