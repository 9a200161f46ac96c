import http from 'node:http'
import net from 'node:net'

export interface Readiness {
  readonly ok: boolean
  readonly why?: string | undefined
}

export interface HealthOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
  /** Whether the process can serve now, and if not why. */
  readonly ready: () => Readiness
  /** The Prometheus text of this process. */
  readonly metrics: () => Promise<string>
  /** Names by which it may be asked besides addresses and `localhost`. */
  readonly names?: readonly string[]
}

export interface HealthServer {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/**
 * The listener for those who watch: `/healthz` (the process lives), `/readyz` (it can serve, else
 * 503 and the reason), `/metrics`. It answers no web page: a Host that is a name somebody chose (DNS
 * rebinding) or any Origin is refused.
 */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = http.createServer(LIMITS, (request, response) => {
    void answer(request, options).then((reply) => send(response, reply))
  })
  server.maxConnections = 64
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host ?? '127.0.0.1', resolve)
  })
  const { address: host, port } = server.address() as net.AddressInfo
  return { host, port, close: () => close(server) }
}

/** Node's own defaults let a slow peer hold a connection for minutes. */
const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
} as const

interface Reply {
  readonly status: number
  readonly text: string
  readonly type?: string
}

async function answer(request: http.IncomingMessage, options: HealthOptions): Promise<Reply> {
  if (!isAskedByAddress(request, options.names ?? [])) return { status: 421, text: 'wrong Host\n' }
  if (request.headers.origin !== undefined) return { status: 403, text: 'not for web pages\n' }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, text: 'GET only\n' }
  }
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return { status: 200, text: 'ok\n' }
    case '/readyz':
      return readiness(options.ready())
    case '/metrics':
      return metrics(options)
    default:
      return { status: 404, text: 'try /healthz, /readyz or /metrics\n' }
  }
}

const readiness = ({ ok, why }: Readiness): Reply =>
  ok
    ? { status: 200, text: 'ready\n' }
    : { status: 503, text: `not ready: ${why ?? 'no reason'}\n` }

async function metrics(options: HealthOptions): Promise<Reply> {
  try {
    const text = await options.metrics()
    return { status: 200, text, type: 'text/plain; version=0.0.4; charset=utf-8' }
  } catch {
    return { status: 500, text: 'the metrics could not be collected\n' }
  }
}

/** Exactly one Host, an address or a name we were told of; Node would take the first of two. */
function isAskedByAddress(request: http.IncomingMessage, names: readonly string[]): boolean {
  const hosts = request.rawHeaders.filter(
    (_, at, all) => at % 2 === 1 && /^host$/i.test(all[at - 1] ?? ''),
  )
  const [host] = hosts
  if (hosts.length !== 1 || host === undefined) return false
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return net.isIP(name) !== 0 || name === 'localhost' || names.includes(name)
}

function send(response: http.ServerResponse, { status, text, type }: Reply): void {
  response.writeHead(status, {
    'content-type': type ?? 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

function close(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
