import { signProof } from '../identity/proof.ts'
import type { ControlMessage } from '../tunnel/control.ts'
import {
  Endpoint,
  type FlowTable,
  type IncomingOpen,
  type WindowBudget,
} from '../tunnel/endpoint.ts'
import { dialLink, KEY_AGREEMENTS, type Link, POST_QUANTUM_ONLY } from '../tunnel/link.ts'
import { controlCodec } from '../tunnel/messages/control.ts'
import { dialHandshake, type Ready } from '../tunnel/messages/handshake.ts'
import type { LinkClosed, TunnelClock } from '../tunnel/port.ts'
import type { Enrolment } from './enrol/store.ts'

/** One tunnel that an edge has taken, from READY on. */
export interface Tunnel {
  readonly ready: Ready
  readonly endpoint: Pick<
    Endpoint,
    | 'send'
    | 'tick'
    | 'goAway'
    | 'close'
    | 'lose'
    | 'flowCount'
    | 'rttMs'
    | 'isInDoubt'
    | 'canResume'
  >
  /** Of its socket. */
  readonly localAddress: string
  /** The edge takes it out of service; the flows on it go on. Resolves also when it is closed. */
  readonly draining: Promise<void>
  readonly closed: Promise<LinkClosed>
}

export interface AttemptOptions {
  readonly enrolment: Enrolment
  /** Random per process start, after the connector's id. */
  readonly instance: string
  readonly version: string
  readonly proxy: string | undefined
  readonly clock: TunnelClock
  /** Shared by all tunnels of the process, as is the budget. */
  readonly flows: FlowTable
  readonly budget: WindowBudget
  readonly requiresPostQuantum: boolean
  readonly handlers: TunnelHandlers
}

export interface TunnelHandlers {
  incoming(open: IncomingOpen): void
  control(message: ControlMessage, tunnel: Pick<Endpoint, 'send'>): void
}

export interface AttemptBounds {
  /** For TCP, TLS, proof and READY together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Dials one edge once and proves this connector's key to it.
 * @throws TunnelError with what the edge closed with; what `dialLink` throws when it is not reached
 */
export async function openTunnel(
  edgeUrl: string,
  options: AttemptOptions,
  { timeoutMs, signal }: AttemptBounds,
): Promise<Tunnel> {
  const { enrolment, proxy, clock, requiresPostQuantum } = options
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const link = await dialLink({
    url: tunnelUrl(edgeUrl),
    ca: enrolment.caPem,
    ...(proxy === undefined ? {} : { proxy }),
    keyAgreements: requiresPostQuantum ? POST_QUANTUM_ONLY : KEY_AGREEMENTS,
    handshakeTimeoutMs: timeoutMs,
    signal: either,
  })
  const giveUp = () => link.terminate()
  either.addEventListener('abort', giveUp)
  const asked = shakeHands(link, options)
  const ready = await asked.finally(() => either.removeEventListener('abort', giveUp))
  return attach(link, ready, options, clock)
}

function shakeHands(link: Link, options: AttemptOptions): Promise<Ready> {
  const { enrolment, instance, version, clock } = options
  const { connectorId, deployment, key } = enrolment
  const facts = { os: process.platform, arch: process.arch, node: process.version }
  const sign = (transcript: Uint8Array) => signProof(key, transcript)
  const credential = { kind: 'connector', connectorId } as const
  const asked = {
    role: 'connector',
    version,
    instance,
    deployment,
    credential,
    facts,
    sign,
  } as const
  return dialHandshake(link, asked, clock)
}

function attach(link: Link, ready: Ready, options: AttemptOptions, clock: TunnelClock): Tunnel {
  const { budget, flows, handlers } = options
  const draining = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<LinkClosed>()
  const endpoint: Endpoint = new Endpoint({
    role: 'connector',
    link,
    limits: ready.limits,
    features: ready.features,
    clock,
    codec: controlCodec,
    flows,
    budget,
    handlers: {
      incoming: (open) => handlers.incoming(open),
      control: (message) => handlers.control(message, endpoint),
      goAway: () => draining.resolve(),
      closed: (why) => {
        draining.resolve()
        closed.resolve(why)
      },
    },
  })
  const { localAddress } = link
  return { ready, endpoint, localAddress, draining: draining.promise, closed: closed.promise }
}

/** `https://edge.example.com` is spoken to at `wss://edge.example.com/tunnel`. */
function tunnelUrl(edgeUrl: string): string {
  const url = new URL(edgeUrl)
  if (url.pathname === '/') url.pathname = '/tunnel'
  return url.href
}
