import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server, ServerOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { TunnelError } from './codes.ts'
import { HEADER_BYTES, MAX_CONTROL_BYTES } from './frames/frame.ts'
import { type Connected, connectSocket } from './link/connect.ts'
import { isOverAgreement, KEY_AGREEMENTS, NotPostQuantum } from './link/key-agreements.ts'
import { Masks } from './link/masks.ts'
import { type Link, WebSocketLink } from './link/web-socket-link.ts'
import type { TunnelClock } from './port.ts'

export { Addresses } from './link/addresses.ts'
export {
  isOverAgreement,
  KEY_AGREEMENTS,
  NotPostQuantum,
  POST_QUANTUM_ONLY,
} from './link/key-agreements.ts'
export type { Link } from './link/web-socket-link.ts'

export interface DialOptions {
  /** `wss://host[:port]/tunnel`; `https:` is read as `wss:`. */
  readonly url: string
  /** PEM; instead of the system's trusted roots. */
  readonly ca?: string | undefined
  /** `http://[user:password@]host:port` of the CONNECT proxy in front. */
  readonly proxy?: string | undefined
  /** KEY_AGREEMENTS when left out, or POST_QUANTUM_ONLY. */
  readonly keyAgreements?: string | undefined
  /** TCP, proxy, TLS and WebSocket together; 10,000 when left out. */
  readonly handshakeTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface AcceptOptions {
  readonly server: Server | HttpServer
  /** `/tunnel` when left out. */
  readonly path?: string
}

export const SUBPROTOCOL = 'byname.1'

/** Of an `https.createServer` that tunnels come to: slow peers are dropped early. */
export const SERVER_OPTIONS = {
  minVersion: 'TLSv1.3',
  ecdhCurve: KEY_AGREEMENTS,
  ALPNProtocols: ['http/1.1'],
  handshakeTimeout: 5_000,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
} as const satisfies ServerOptions

const WS_LIMITS = {
  perMessageDeflate: false,
  maxPayload: HEADER_BYTES + MAX_CONTROL_BYTES,
  maxFragments: 64,
  closeTimeout: 2_000,
} as const

/**
 * Connects to an edge.
 * @throws TunnelError `tunnel-lost`; `facts.cause` has the system's or TLS's code. NotPostQuantum
 */
export async function dialLink(options: DialOptions): Promise<Link> {
  const { handshakeTimeoutMs = 10_000, signal } = options
  const timeout = AbortSignal.timeout(handshakeTimeoutMs)
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout
  const { ca, proxy, keyAgreements = KEY_AGREEMENTS } = options
  try {
    const url = new URL(options.url.replace(/^http/, 'ws'))
    const connected = await connectSocket({ url, ca, proxy, keyAgreements }, either)
    return await openWebSocket(url, connected, either)
  } catch (error) {
    const failed = dialError(error, options.url)
    if (isOverAgreement(keyAgreements, failed.facts.cause)) throw new NotPostQuantum(options.url)
    throw failed
  }
}

/** Takes the server's upgrades on `path`; leaves the others to the server's other listeners. */
export function acceptLinks(
  { server, path = '/tunnel' }: AcceptOptions,
  onLink: (link: Link) => void,
): { close(): void } {
  const upgrader = new WebSocketServer({ ...WS_LIMITS, noServer: true, clientTracking: false })
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (pathOf(request) !== path) return
    const refusal = reasonNotToUpgrade(request)
    // Not only ended: a peer that never closes its own half would hold the socket for good.
    if (refusal) return void socket.end(refusal, () => socket.destroy())
    upgrader.handleUpgrade(request, socket, head, (ws) => onLink(new WebSocketLink(ws, socket)))
  }
  server.on('upgrade', onUpgrade)
  return { close: () => void server.off('upgrade', onUpgrade) }
}

/** Real time and the event loop's turns. */
export const systemClock: TunnelClock = {
  now: () => Date.now(),
  micros: () => performance.now() * 1000,
  defer: (task) => void setImmediate(task),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

function openWebSocket(url: URL, { socket, raw }: Connected, signal: AbortSignal): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>()
  const masks = new Masks()
  const ws = new WebSocket(url, SUBPROTOCOL, {
    ...WS_LIMITS,
    createConnection: () => socket,
    generateMask: masks.next,
    followRedirects: false,
  })
  const onAbort = () => ws.terminate()
  signal.addEventListener('abort', onAbort, { once: true })
  ws.once('error', (error) => reject(signal.aborted ? signal.reason : error))
  ws.once('open', () => {
    signal.removeEventListener('abort', onAbort)
    resolve(new WebSocketLink(ws, socket, { masks, raw }))
  })
  return promise
}

function dialError(error: unknown, url: string): TunnelError {
  if (error instanceof TunnelError) return error
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_LINK'
  const cause = error instanceof DOMException ? error.name : code
  return new TunnelError('tunnel-lost', `${url}: ${message}`, { cause, url })
}

const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? ''

/** A web page may open a WebSocket to anybody, but never without its Origin. */
function reasonNotToUpgrade({ headers }: IncomingMessage): string | undefined {
  if (headers.origin !== undefined) return 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n'
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (offered.includes(SUBPROTOCOL)) return undefined
  return 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'
}
