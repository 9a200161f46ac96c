import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { DialOptions } from '../../tunnel/link.ts'
import { acceptLinks, dialLink, type Link, SERVER_OPTIONS, systemClock } from '../../tunnel/link.ts'
import {
  type Auth,
  acceptHandshake,
  dialHandshake,
  type Ready,
  type Role,
} from '../../tunnel/messages/handshake.ts'

/** A certificate for localhost that nobody else trusts, and its key: for tests only, until 2126. */
export const CERT = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUYq86QrjGAH6lrs+msMKGmRhU668wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAwMjI1OVoYDzIxMjYxMTAx
MDAyMjU5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASvrEESDY0qGq69+HBpykYzKVGTCuICI7U4JG4sXGMYNdDmvFt/GJA4
CVzQAf9vlVIf9vFUWKB7SEZlrFKCSX61o28wbTAdBgNVHQ4EFgQU5IZjJXOLMjEV
ccyJt6WeJ/PkLUQwHwYDVR0jBBgwFoAU5IZjJXOLMjEVccyJt6WeJ/PkLUQwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgGnl9bgucRdM+osnAqILUzaoszWurdW9ATHuje72DSsACIQD8
SkprjbzCeasSd/WHO/2HGM79VkHTw/QGvsVk/3BeIA==
-----END CERTIFICATE-----
`
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJt0xCfpZa5RhJcgD
ab7GX6sRCLwxX9g2r6cQOYr1l6ahRANCAASvrEESDY0qGq69+HBpykYzKVGTCuIC
I7U4JG4sXGMYNdDmvFt/GJA4CVzQAf9vlVIf9vFUWKB7SEZlrFKCSX61
-----END PRIVATE KEY-----
`

/** An edge's door on loopback: TLS, WebSocket and handshake are real, everybody is let in. */
export interface Loopback {
  readonly server: Server
  readonly url: string
  close(): void
}

export type OnAccepted = (link: Link, auth: Auth) => void

/** Only TLS and WebSocket. */
export async function openDoor(onLink: (link: Link) => void): Promise<Loopback> {
  const server = createServer({ ...SERVER_OPTIONS, key: KEY, cert: CERT })
  const links = acceptLinks({ server }, onLink)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  const close = () => {
    links.close()
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { server, url: `wss://localhost:${port}/tunnel`, close }
}

export function serveLoopback(onAccepted: OnAccepted): Promise<Loopback> {
  return openDoor((link) => void greet(link, onAccepted))
}

async function greet(link: Link, onAccepted: OnAccepted): Promise<void> {
  const accepted = await acceptHandshake(
    link,
    {
      deployment: 'd1',
      edgeName: 'edge.test',
      version: 'test',
      edges: [],
      authenticate: async (auth) => ({ kind: 'accepted', you: YOU[auth.role] }),
    },
    systemClock,
  )
  if (accepted) onAccepted(link, accepted.auth)
}

export async function dialLoopback(
  url: string,
  role: Role,
  options: Partial<DialOptions> = {},
): Promise<{ link: Link; ready: Ready }> {
  const link = await dialLink({ url, ca: CERT, ...options })
  const ready = await dialHandshake(
    link,
    {
      role,
      version: 'test',
      instance: 'hq-1',
      credential:
        role === 'client'
          ? { kind: 'session', token: 'a.b.c' }
          : { kind: 'connector', connectorId: 'hq' },
      sign: () => new Uint8Array(64),
      facts: { os: 'test' },
      deployment: 'd1',
    },
    systemClock,
  )
  return { link, ready }
}

const YOU = {
  client: { kind: 'client', subject: 'alice', sessionId: 's1', expiresAt: 4_000_000_000_000 },
  connector: { kind: 'connector', connectorId: 'hq', name: 'hq', grants: ['domain:corp.internal'] },
} as const
