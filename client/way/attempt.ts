import { hostname, release, type } from 'node:os'
import type { SessionDocument } from '../../identity/profile.ts'
import { signProof } from '../../identity/proof.ts'
import { Endpoint, type EndpointHandlers } from '../../tunnel/endpoint.ts'
import { dialLink, systemClock } from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { dialHandshake, type Ready } from '../../tunnel/messages/handshake.ts'
import type { Profile } from '../profile.ts'

/** One tunnel that stands. */
export interface Tunnel {
  readonly endpoint: Pick<
    Endpoint,
    'open' | 'isOpen' | 'send' | 'tick' | 'goAway' | 'close' | 'flowCount' | 'rttMs'
  >
  readonly ready: Ready
  readonly edgeUrl: string
}

export interface Attempt {
  readonly profile: Profile
  readonly session: SessionDocument
  /** One of the deployment's edges. */
  readonly edgeUrl: string
  readonly proxy?: string | undefined
  readonly version: string
  readonly signal: AbortSignal
}

/**
 * Dials and proves once; no retry here (way.ts has the loop).
 * @throws {TunnelError} with what the edge closed with, or `tunnel-lost`
 */
export async function dialTunnel(attempt: Attempt, handlers: ClientHandlers): Promise<Tunnel> {
  const { profile, session, edgeUrl, proxy, version, signal } = attempt
  const link = await dialLink({
    url: new URL('/tunnel', edgeUrl).href,
    ca: profile.edge.caPem,
    signal,
    ...(proxy ? { proxy } : {}),
  })
  const ready = await dialHandshake(
    link,
    {
      role: 'client',
      version,
      credential: { kind: 'session', token: session.token },
      sign: (transcript) => signProof(profile.key, transcript),
      facts: { hostName: hostname(), os: `${type()} ${release()}`, version },
      deployment: profile.deployment,
    },
    systemClock,
  )
  const endpoint = new Endpoint({
    role: 'client',
    link,
    limits: ready.limits,
    clock: systemClock,
    codec: controlCodec,
    handlers: { ...handlers, incoming: (open) => open.refuse('unsupported', 'a client') },
  })
  return { endpoint, ready, edgeUrl }
}

export type ClientHandlers = Omit<EndpointHandlers, 'incoming'>
