import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { IdentityError } from './error.ts'
import { findPinnedCa } from './pin.ts'

/**
 * Fetches the CA of an edge of which only the pin is known: one TLS handshake on which nothing is
 * sent, the chain compared with the pin. Every later connection is an ordinary one with `ca: caPem`.
 * The only file of this room that touches a socket.
 * @throws {IdentityError} ERR_PIN, ERR_EDGE_UNREACHABLE
 */
export async function fetchPinnedCa(edge: {
  readonly url: string
  readonly caPin: string
  readonly timeoutMs?: number
}): Promise<string> {
  const { hostname, port } = new URL(edge.url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({
    host,
    port: Number(port || 443),
    // A literal address must not be sent as SNI (RFC 6066 §3).
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  })
  try {
    await handshake(socket, edge.timeoutMs ?? 10_000)
    return findPinnedCa(chainOf(socket.getPeerCertificate(true)), edge.caPin)
  } finally {
    socket.destroy()
  }
}

function handshake(socket: TLSSocket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(unreachable('it did not answer in time')), timeoutMs)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(unreachable(error.code ?? error.message))
    })
  })
}

/** Node links each certificate to its issuer, a self-signed one to itself. */
function chainOf(leaf: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = []
  let at: DetailedPeerCertificate | undefined = leaf
  const seen = new Set<DetailedPeerCertificate>()
  while (at?.raw && !seen.has(at) && chain.length < MAX_CHAIN) {
    seen.add(at)
    chain.push(at.raw)
    at = at.issuerCertificate
  }
  return chain
}

const MAX_CHAIN = 8

function unreachable(why: string): IdentityError {
  return new IdentityError('ERR_EDGE_UNREACHABLE', `the edge cannot be reached: ${why}`)
}
