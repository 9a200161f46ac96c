import { randomBytes } from 'node:crypto'
import type { DeviceKey } from '../../../identity/key.ts'
import { signProof } from '../../../identity/proof.ts'
import type { AnnouncedApp, Catalog, ControlMessage, Cut, Notice } from '../../../tunnel/control.ts'
import { Endpoint, type FlowTable, type IncomingOpen } from '../../../tunnel/endpoint.ts'
import type { Facts, Flow, FlowEnd, OpenedInfo, Refusal } from '../../../tunnel/flow.ts'
import { dialLink, systemClock } from '../../../tunnel/link.ts'
import { controlCodec } from '../../../tunnel/messages/control.ts'
import { type Credential, dialHandshake, type Ready } from '../../../tunnel/messages/handshake.ts'
import { writeContext } from '../../../tunnel/messages/open-context.ts'
import type { LinkClosed } from '../../../tunnel/port.ts'
import { until } from './until.ts'

/** Where an edge is and what a peer must know of it. */
export interface Target {
  readonly url: string
  readonly caPem: string
  readonly deployment: string
}

export interface PeerOptions {
  readonly role: 'client' | 'connector'
  readonly credential: Credential
  readonly key: DeviceKey
  readonly instance?: string
  readonly facts?: Facts
  readonly incoming?: (open: IncomingOpen) => void
  /** Its flows outlive this tunnel. */
  readonly flows?: FlowTable
  /** What it offers TLS. */
  readonly keyAgreements?: string
}

/** One hand-driven tunnel end. */
export class Peer {
  readonly ready: Ready
  readonly endpoint: Endpoint
  readonly messages: ControlMessage[] = []
  readonly closed: Promise<LinkClosed>
  isDraining = false
  readonly #ticking: NodeJS.Timeout

  /** @throws TunnelError with what the edge closed with */
  static async dial(target: Target, options: PeerOptions): Promise<Peer> {
    const { caPem: ca, deployment, url } = target
    const { keyAgreements } = options
    const link = await dialLink({ url: `${url}/tunnel`, ca, keyAgreements })
    const { role, credential, key, instance, facts = { os: 'test' } } = options
    const sign = (transcript: Uint8Array) => signProof(key, transcript)
    const asked = { role, version: 'test', deployment, credential, facts, sign }
    const ready = await dialHandshake(
      link,
      instance === undefined ? asked : { ...asked, instance },
      systemClock,
    )
    return new Peer(ready, link, options)
  }

  private constructor(
    ready: Ready,
    link: Awaited<ReturnType<typeof dialLink>>,
    { role, instance, flows, incoming = (open) => echo(open, instance) }: PeerOptions,
  ) {
    this.ready = ready
    const closed = Promise.withResolvers<LinkClosed>()
    this.closed = closed.promise
    this.endpoint = new Endpoint({
      role,
      link,
      limits: ready.limits,
      features: ready.features,
      ...(flows && { flows }),
      clock: systemClock,
      codec: controlCodec,
      handlers: {
        incoming,
        control: (message) => void this.messages.push(message),
        goAway: () => {
          this.isDraining = true
        },
        closed: (why) => closed.resolve(why),
      },
    })
    this.#ticking = setInterval(() => {
      this.endpoint.tick(Date.now())
      flows?.tick(Date.now())
    }, 500).unref()
    void this.closed.then(() => clearInterval(this.#ticking))
  }

  announce(...apps: AnnouncedApp[]): void {
    this.endpoint.send({ kind: 'announce', apps })
  }

  of<Kind extends ControlMessage['kind']>(kind: Kind): Extract<ControlMessage, { kind: Kind }>[] {
    return this.messages.filter((message) => message.kind === kind) as never
  }

  get catalog(): Catalog | undefined {
    return this.of('catalog').at(-1)
  }

  get notices(): Notice[] {
    return this.of('notice')
  }

  get cuts(): Cut[] {
    return this.of('cut')
  }

  /** Waits until the edge told this client of the name. */
  async knows(pattern: string): Promise<void> {
    await until(() => this.catalog?.entries.some((entry) => entry.pattern === pattern) ?? false)
  }

  open(name: string, port = 80, more: ProbeOptions = {}): Probe {
    return new Probe(this.endpoint, name, port, more)
  }

  close(): void {
    this.endpoint.close()
  }
}

export interface ProbeOptions {
  readonly flowId?: string
  readonly context?: Uint8Array
  readonly attempt?: number
}

/** A flow and all that happened to it. */
export class Probe {
  readonly flowId: string
  readonly flow: Flow
  readonly openedAt = Promise.withResolvers<OpenedInfo>()
  opened: OpenedInfo | undefined
  refusal: Refusal | undefined
  end: FlowEnd | undefined
  endedAt: number | undefined
  text = ''
  hasEnded = false

  constructor(
    endpoint: Endpoint,
    name: string,
    port: number,
    { attempt = 1, ...more }: ProbeOptions,
  ) {
    this.flowId = more.flowId ?? randomBytes(16).toString('hex')
    const context = more.context ?? writeContext({ onRamp: 'run' })
    const request = { flowId: this.flowId, name, port, protocol: 'tcp', context, attempt } as const
    this.flow = endpoint.open(request, {
      opened: (info) => {
        this.opened = info
      },
      refused: (refusal) => {
        this.refusal = refusal
      },
      data: (chunk) => {
        this.text += Buffer.from(chunk).toString()
        this.flow.consumed(chunk.length)
      },
      ended: () => {
        this.hasEnded = true
      },
      reset: (end) => {
        this.end = end
        this.endedAt = performance.now()
      },
      drained: () => undefined,
    })
  }

  say(text: string): void {
    this.flow.write(Buffer.from(text))
  }

  /** Waits for OPENED or REFUSED. */
  async answered(): Promise<this> {
    await until(
      () => this.opened !== undefined || this.refusal !== undefined || this.end !== undefined,
    )
    return this
  }

  async reset(): Promise<FlowEnd> {
    await until(() => this.end !== undefined)
    return this.end as FlowEnd
  }

  async hears(text: string): Promise<void> {
    await until(() => this.text.includes(text))
  }
}

/** A connector whose every origin says back what it hears. */
export function echo(open: IncomingOpen, instance = 'echo'): void {
  const info = { instance, resolveMicros: 1, connectMicros: 2 }
  const flow: Flow = open.accept(info, {
    data: (chunk) => {
      flow.write(Buffer.from(chunk))
      flow.consumed(chunk.length)
    },
    ended: () => flow.end(),
    reset: () => undefined,
    drained: () => undefined,
  })
}
