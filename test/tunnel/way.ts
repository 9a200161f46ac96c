import { randomBytes } from 'node:crypto'
import { Endpoint, type EndpointHandlers, type IncomingOpen } from '../../tunnel/endpoint.ts'
import type { Flow, FlowHandlers } from '../../tunnel/flow.ts'
import { type Link, systemClock } from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { Relay, type RelayHandlers, type RelayTunnel } from '../../tunnel/relay.ts'
import { dialLoopback, serveLoopback } from './loopback.ts'

/** Client, edge and connector in one process, over real TLS WebSockets on loopback. */
export interface RealWay {
  readonly client: Endpoint
  readonly clientLink: Link
  readonly connector: Endpoint
  open(handlers: FlowHandlers): Flow
  /** The relay's tunnels, the connector's first. */
  readonly tunnels: readonly RelayTunnel[]
  close(): void
}

export async function openRealWay(incoming: (open: IncomingOpen) => void): Promise<RealWay> {
  const relay = new Relay({ clock: systemClock, codec: controlCodec })
  const tunnels: RelayTunnel[] = []
  const links: Link[] = []
  const door = await serveLoopback((link, { role }) => {
    tunnels.push(relay.attach(link, role, atEdge))
  })
  const atEdge: RelayHandlers = {
    open: (flow) => flow.connect(tunnels[0] as RelayTunnel, EMPTY, 1),
    control: () => {},
    closed: () => {},
  }
  const makeEnd = async (role: 'client' | 'connector', handlers: Partial<EndpointHandlers>) => {
    const { link, ready } = await dialLoopback(door.url, role)
    const limits = ready.limits
    const all = { ...NOTHING, ...handlers }
    links.push(link)
    return new Endpoint({
      role,
      link,
      limits,
      clock: systemClock,
      codec: controlCodec,
      handlers: all,
    })
  }
  const connector = await makeEnd('connector', { incoming })
  const client = await makeEnd('client', {})
  const ticker = setInterval(() => {
    for (const one of [client, connector, ...tunnels]) one.tick(Date.now())
  }, 100)
  const close = () => {
    clearInterval(ticker)
    client.close()
    connector.close()
    door.close()
  }
  const open = (handlers: FlowHandlers) =>
    client.open(
      {
        flowId: randomBytes(16).toString('hex'),
        name: 'wiki.corp.internal',
        port: 80,
        protocol: 'tcp',
        context: EMPTY,
      },
      handlers,
    )
  return { client, clientLink: links[1] as Link, connector, open, tunnels, close }
}

const EMPTY = new Uint8Array(0)
const NOTHING: EndpointHandlers = {
  incoming: () => {},
  control: () => {},
  goAway: () => {},
  closed: () => {},
}
