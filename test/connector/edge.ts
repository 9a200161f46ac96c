import https from 'node:https'
import type net from 'node:net'
import { text } from 'node:stream/consumers'
import { formatJoinToken, makeJoinSecret } from '../../identity/join.ts'
import { type PublicJwk, publicKeyOf, readPublicJwk } from '../../identity/key.ts'
import { verifyProof } from '../../identity/proof.ts'
import type { EnrolRequest } from '../../identity/wire.ts'
import type { Announce, ControlMessage } from '../../tunnel/control.ts'
import { Endpoint } from '../../tunnel/endpoint.ts'
import type { FlowHandlers } from '../../tunnel/flow.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import { acceptLinks, type Link, SERVER_OPTIONS, systemClock } from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { type AuthOutcome, acceptHandshake } from '../../tunnel/messages/handshake.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import { type Certificates, makeCertificates } from './certificates.ts'

/** The edge's end of a connector's tunnel. */
export interface FarEnd {
  readonly endpoint: Endpoint
  readonly instance: string
  readonly announced: Announce[]
  readonly said: ControlMessage[]
}

/**
 * An edge that one test drives by hand, over real TLS and WebSockets: it enrols one connector, checks
 * its proofs, and opens what flows the test likes.
 */
export class HandEdge {
  readonly tunnels = new Set<FarEnd>()
  readonly seen: FarEnd[] = []
  readonly server: https.Server
  readonly certificates: Certificates
  refusal: Extract<AuthOutcome, { kind: 'refused' }> | undefined
  grants: string[] = ['domain:corp.internal']
  readonly #links = new Set<Link>()
  #jwk: PublicJwk | undefined
  #flows = 0

  private constructor(certificates: Certificates) {
    this.certificates = certificates
    const { certPem: cert, keyPem: key } = certificates
    this.server = https.createServer({ ...SERVER_OPTIONS, cert, key }, (request, response) => {
      void this.#http(request.url ?? '', request).then((body) => response.end(JSON.stringify(body)))
    })
    acceptLinks({ server: this.server }, (link) => void this.#take(link))
  }

  static async start(port = 0, certificates?: Certificates): Promise<HandEdge> {
    const edge = new HandEdge(certificates ?? (await makeCertificates()))
    await new Promise<void>((resolve) => edge.server.listen(port, '127.0.0.1', resolve))
    return edge
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port
  }

  get token(): string {
    const edgeUrl = `https://127.0.0.1:${this.port}`
    return formatJoinToken({ edgeUrl, caPin: this.certificates.caPin, ...makeJoinSecret() })
  }

  /** Knows a connector that enrolled at this edge before it was restarted. */
  remember(other: HandEdge): void {
    this.#jwk = other.#jwk
  }

  /** Cuts every connection, as a killed edge does. */
  async kill(): Promise<void> {
    for (const link of this.#links) link.terminate()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  open(far: FarEnd, name: string, port: number, handlers: Partial<FlowHandlers> = {}) {
    const flowId = (++this.#flows).toString(16).padStart(32, '0')
    const who = { kind: 'person', label: 'alice@example.com' } as const
    const context = writeContext({ who, rule: 'r', session: 's' })
    const rest = { data() {}, ended() {}, reset() {}, drained() {} }
    const request = { flowId, name, port, protocol: 'tcp', context } as const
    return far.endpoint.open(request, { ...rest, ...handlers })
  }

  async #http(path: string, body: AsyncIterable<Uint8Array>): Promise<object> {
    const { caPem } = this.certificates
    if (path === '/.well-known/byname') return { schema: 1, caPem }
    const request = JSON.parse(await text(body)) as EnrolRequest
    this.#jwk = readPublicJwk(request.publicJwk)
    const facts = { connectorId: 'c-1', name: 'hq', grants: this.grants }
    return { schema: 1, ...facts, deployment: 'd', edgeName: 'e', caPem }
  }

  async #take(link: Link): Promise<void> {
    this.#links.add(link)
    const accepted = await acceptHandshake(
      link,
      {
        deployment: 'd',
        edgeName: 'e',
        version: 'test',
        edges: [`https://127.0.0.1:${this.port}`],
        authenticate: async ({ transcript, signature }) =>
          this.#authenticate(transcript, signature),
      },
      systemClock,
    )
    if (!accepted) return
    const announced: Announce[] = []
    const said: ControlMessage[] = []
    const endpoint = new Endpoint({
      role: 'client',
      link,
      limits: DEFAULT_LIMITS,
      clock: systemClock,
      codec: controlCodec,
      handlers: {
        incoming() {},
        control: (message) => {
          said.push(message)
          if (message.kind === 'announce') announced.push(message)
        },
        goAway: () => this.tunnels.delete(far),
        closed: () => this.tunnels.delete(far),
      },
    })
    const far: FarEnd = { endpoint, instance: accepted.auth.instance ?? '', announced, said }
    this.tunnels.add(far)
    this.seen.push(far)
  }

  #authenticate(transcript: Uint8Array, signature: Uint8Array): AuthOutcome {
    if (this.refusal) return this.refusal
    const isTrue = this.#jwk && verifyProof(publicKeyOf(this.#jwk), transcript, signature)
    if (!isTrue) return { kind: 'refused', code: 'not-authenticated', reason: 'who are you' }
    const you = { kind: 'connector', connectorId: 'c-1', name: 'hq', grants: this.grants } as const
    return { kind: 'accepted', you }
  }
}

/** Waits until `probe` gives something, for as long as a test may take. */
export async function until<Value>(probe: () => Value | undefined | false): Promise<Value> {
  for (let at = 0; at < 1000; at++) {
    const value = probe()
    if (value !== undefined && value !== false) return value
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${probe}`)
}
