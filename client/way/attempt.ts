import { hostname, release, type } from 'node:os'
import type { SessionDocument } from '../../identity/profile.ts'
import { signProof } from '../../identity/proof.ts'
import {
  type Carrier,
  Endpoint,
  type EndpointHandlers,
  type FlowTable,
  type WindowBudget,
} from '../../tunnel/endpoint.ts'
import {
  type DialOptions,
  dialLink,
  KEY_AGREEMENTS,
  type Link,
  POST_QUANTUM_ONLY,
  systemClock,
} from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { dialHandshake, type Ready } from '../../tunnel/messages/handshake.ts'
import type { Profile } from '../profile.ts'

/** One tunnel that stands. */
export interface Tunnel {
  readonly endpoint: Pick<
    Endpoint,
    | 'open'
    | 'isOpen'
    | 'isInDoubt'
    | 'canResume'
    | 'send'
    | 'tick'
    | 'close'
    | 'lose'
    | 'flowCount'
    | 'rttMs'
    | keyof Carrier
  >
  readonly ready: Ready
  readonly edgeUrl: string
  /** Of its socket. */
  readonly localAddress: string
}

export interface Attempt {
  readonly profile: Profile
  readonly session: SessionDocument
  /** One of the deployment's edges. */
  readonly edgeUrl: string
  readonly proxy?: string | undefined
  readonly requiresPostQuantum: boolean
  readonly version: string
  /** For TCP, TLS, proof and READY together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** What all tunnels of a process share. */
export interface Shared {
  readonly flows: FlowTable
  readonly budget: WindowBudget
}

export type ClientHandlers = Omit<EndpointHandlers, 'incoming'>

/**
 * Dials and proves once; no retry here (keeper.ts has the loop).
 * @throws {TunnelError} with what the edge closed with, or `tunnel-lost`; {NotPostQuantum}
 */
export async function dialTunnel(
  attempt: Attempt,
  handlers: ClientHandlers,
  { flows, budget }: Shared,
): Promise<Tunnel> {
  const signal = AbortSignal.any([attempt.signal, AbortSignal.timeout(attempt.timeoutMs)])
  const link = await dialLink({ ...whereOf(attempt), signal })
  const giveUp = () => link.terminate()
  signal.addEventListener('abort', giveUp)
  const ready = await prove(link, attempt).finally(() =>
    signal.removeEventListener('abort', giveUp),
  )
  const endpoint = new Endpoint({
    role: 'client',
    link,
    limits: ready.limits,
    features: ready.features,
    clock: systemClock,
    codec: controlCodec,
    flows,
    budget,
    handlers: { ...handlers, incoming: (open) => open.refuse('unsupported', 'a client') },
  })
  return { endpoint, ready, edgeUrl: attempt.edgeUrl, localAddress: link.localAddress }
}

function whereOf(attempt: Attempt): DialOptions {
  const { profile, edgeUrl, proxy, requiresPostQuantum, timeoutMs } = attempt
  return {
    url: new URL('/tunnel', edgeUrl).href,
    ca: profile.edge.caPem,
    handshakeTimeoutMs: timeoutMs,
    ...(proxy ? { proxy } : {}),
    keyAgreements: requiresPostQuantum ? POST_QUANTUM_ONLY : KEY_AGREEMENTS,
  }
}

function prove(link: Link, { profile, session, version }: Attempt): Promise<Ready> {
  const asked = {
    role: 'client',
    version,
    credential: { kind: 'session', token: session.token },
    sign: (transcript: Uint8Array) => signProof(profile.key, transcript),
    facts: { hostName: hostname(), os: `${type()} ${release()}`, version },
    deployment: profile.deployment,
  } as const
  return dialHandshake(link, asked, systemClock)
}
