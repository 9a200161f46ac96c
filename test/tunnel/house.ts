import { Endpoint, type EndpointHandlers, type IncomingOpen } from '../../tunnel/endpoint.ts'
import type { Flow, FlowHandlers, OpenRequest } from '../../tunnel/flow.ts'
import { DEFAULT_LIMITS, type Limits, type Rates } from '../../tunnel/limits.ts'
import { type ControlMessage, controlCodec } from '../../tunnel/messages/control.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { Relay, type RelayFlow, type RelayHandlers, type RelayTunnel } from '../../tunnel/relay.ts'
import { flowId, ManualClock, Seen, settle, Wire } from './doubles.ts'

export interface HouseOptions {
  readonly limits?: Limits
  readonly rates?: Rates
  /** What both sides of every tunnel agreed on. */
  readonly features?: readonly string[]
}

/** An end with what it was told. */
export class End implements EndpointHandlers {
  readonly incomingOpens: IncomingOpen[] = []
  readonly messages: ControlMessage[] = []
  closedWhy: LinkClosed | undefined
  goneAway = false
  readonly endpoint: Endpoint
  onIncoming: ((open: IncomingOpen) => void) | undefined

  constructor(role: 'client' | 'connector', wire: Wire, clock: ManualClock, options: HouseOptions) {
    const { limits = DEFAULT_LIMITS, rates, features = [] } = options
    const link = wire.a
    const base = { role, link, limits, features, clock, codec: controlCodec, handlers: this }
    this.endpoint = new Endpoint(rates ? { ...base, rates } : base)
  }

  incoming(open: IncomingOpen): void {
    this.incomingOpens.push(open)
    this.onIncoming?.(open)
  }

  control(message: ControlMessage): void {
    this.messages.push(message)
  }

  goAway(): void {
    this.goneAway = true
  }

  closed(why: LinkClosed): void {
    this.closedWhy = why
  }
}

/** The relay's side of one tunnel. */
export class EdgeSide implements RelayHandlers {
  readonly opens: RelayFlow[] = []
  readonly messages: ControlMessage[] = []
  closedWhy: LinkClosed | undefined
  readonly tunnel: RelayTunnel
  onOpen: ((flow: RelayFlow) => void) | undefined
  /** Whose tunnel it is; its own when undefined. */
  party: string | undefined

  constructor(
    relay: Relay,
    role: 'client' | 'connector',
    wire: Wire,
    { features }: HouseOptions = {},
  ) {
    this.tunnel = relay.attach(wire.b, role, this, features)
  }

  open(flow: RelayFlow): void {
    this.opens.push(flow)
    this.onOpen?.(flow)
  }

  control(message: ControlMessage): void {
    this.messages.push(message)
  }

  closed(why: LinkClosed): void {
    this.closedWhy = why
  }
}

/** A client, an edge and a connector over two wires; the edge lets everything through. */
export class House {
  readonly clock = new ManualClock()
  readonly clientWire = new Wire()
  readonly connectorWire = new Wire()
  readonly relay: Relay
  readonly client: End
  readonly connector: End
  readonly clientSide: EdgeSide
  readonly connectorSide: EdgeSide
  readonly #wires: Wire[]
  #flows = 0

  constructor(options: HouseOptions = {}) {
    const { clock } = this
    this.#wires = [this.clientWire, this.connectorWire]
    this.relay = new Relay({ clock, codec: controlCodec, ...options })
    this.clientSide = new EdgeSide(this.relay, 'client', this.clientWire, options)
    this.connectorSide = new EdgeSide(this.relay, 'connector', this.connectorWire, options)
    this.client = new End('client', this.clientWire, clock, options)
    this.connector = new End('connector', this.connectorWire, clock, options)
    this.clientSide.onOpen = (flow) => flow.connect(this.connectorSide.tunnel, CONTEXT, 7)
  }

  /** One more client of the same edge and connector. */
  addClient(options: HouseOptions = {}): { end: End; side: EdgeSide; wire: Wire } {
    const wire = new Wire()
    this.#wires.push(wire)
    const side = new EdgeSide(this.relay, 'client', wire, options)
    side.onOpen = (flow) => flow.connect(this.connectorSide.tunnel, CONTEXT, 7)
    return { end: new End('client', wire, this.clock, options), side, wire }
  }

  settle(): void {
    settle(this.clock, this.#wires)
  }

  /** So many turns and steps, for what never settles. */
  settleFor(turns: number): void {
    for (let i = 0; i < turns; i++) {
      this.clock.turn()
      for (const wire of this.#wires) wire.step()
    }
  }

  open(handlers: FlowHandlers = new Seen(), from: End = this.client): Flow {
    this.#flows += 1
    return from.endpoint.open(request(this.#flows), handlers)
  }

  /** That wire carries nothing more. */
  remove(wire: Wire): void {
    this.#wires.splice(this.#wires.indexOf(wire), 1)
  }

  /** One more connector; from now on the edge sends what is opened there. */
  addConnector(options: HouseOptions = {}): { end: End; side: EdgeSide; wire: Wire } {
    const wire = new Wire()
    this.#wires.push(wire)
    const side = new EdgeSide(this.relay, 'connector', wire, options)
    this.clientSide.onOpen = (flow) => flow.connect(side.tunnel, CONTEXT, 7)
    return { end: new End('connector', wire, this.clock, options), side, wire }
  }

  /** Opens a flow that the connector accepts, both ends with handlers that remember. */
  join(
    connector: End = this.connector,
    client: End = this.client,
  ): { near: Flow; far: Flow; atNear: Seen; atFar: Seen } {
    const atNear = new Seen()
    const atFar = new Seen()
    let far: Flow | undefined
    connector.onIncoming = (open) => {
      far = open.accept(ACCEPT, atFar)
    }
    const near = this.open(atNear, client)
    this.settle()
    if (!far) throw new Error('the connector saw no OPEN')
    return { near, far, atNear, atFar }
  }
}

export const request = (n: number): OpenRequest => ({
  flowId: flowId(n),
  name: 'wiki.corp.internal',
  port: 80,
  protocol: 'tcp',
  context: new TextEncoder().encode('{"onRamp":"run"}'),
})

export const ACCEPT = { instance: 'hq-1', resolveMicros: 11, connectMicros: 22 }
const CONTEXT = new TextEncoder().encode('{}')
