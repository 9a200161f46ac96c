import https from 'node:https'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { TunnelError } from '../codes.ts'

export interface ConnectOptions {
  readonly url: URL
  readonly ca?: string | undefined
  readonly proxy?: string | undefined
  readonly keyAgreements: string
}

/** What a WebSocket is spoken over, and the connection below it, which is the same without TLS. */
export interface Connected {
  readonly socket: Socket
  readonly raw: Socket
}

/** TCP to the edge, through the proxy if there is one, and TLS for `wss:`. */
export async function connectSocket(
  { url, ca, proxy, keyAgreements }: ConnectOptions,
  signal: AbortSignal,
): Promise<Connected> {
  const host = hostOf(url)
  const port = Number(url.port) || (url.protocol === 'wss:' ? 443 : 80)
  const raw = proxy
    ? await connectThrough(new URL(proxy), host, port, signal)
    : await settled(net.connect({ host, port, noDelay: true }), 'connect', signal)
  if (url.protocol === 'ws:') return { socket: raw, raw }
  const socket = tls.connect({
    socket: raw,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    host,
    ...(ca === undefined ? {} : { ca }),
    ecdhCurve: keyAgreements,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
  })
  return { socket: await settled(socket, 'secureConnect', signal), raw }
}

/** RFC 9110 §9.3.6; basic authentication from the proxy's URL. */
function connectThrough(
  proxy: URL,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const target = net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  // Imported, node:http would load undici by its WebSocket: 20 ms of every client's start.
  const http = process.getBuiltinModule('node:http')
  const { request } = proxy.protocol === 'https:' ? https : http
  const asked = request({
    method: 'CONNECT',
    host: hostOf(proxy),
    port: Number(proxy.port) || (proxy.protocol === 'https:' ? 443 : 80),
    path: target,
    headers: { host: target, ...authorization(proxy) },
    agent: false,
    maxHeaderSize: 16_384,
    signal,
  })
  asked.once('error', reject)
  asked.once('response', (response) => {
    asked.destroy()
    reject(proxyError(response.statusCode))
  })
  asked.once('connect', (response, socket, head) => {
    if (response.statusCode === 200 && head.length === 0) return resolve(socket as Socket)
    socket.destroy()
    reject(proxyError(response.statusCode))
  })
  asked.end()
  return promise
}

function authorization(proxy: URL): { 'proxy-authorization'?: string } {
  if (proxy.username === '') return {}
  const plain = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(plain).toString('base64')}` }
}

function proxyError(status = 0): TunnelError {
  const reason = status === 407 ? 'wants other credentials' : 'refuses to connect'
  return new TunnelError('tunnel-lost', `the HTTP proxy ${reason} (${status})`, {
    cause: 'ERR_PROXY',
    status,
  })
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/** Resolves with the socket on `event`; destroys it on an error or an abort. */
function settled<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  const { promise, resolve, reject } = Promise.withResolvers<S>()
  const onAbort = () => fail(signal.reason)
  const fail = (error: unknown) => {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
    reject(error)
  }
  socket.on('error', fail)
  socket.once(event, () => {
    signal.removeEventListener('abort', onAbort)
    socket.off('error', fail)
    // Between here and the next owner an error has nobody else to go to.
    socket.on('error', () => {})
    resolve(socket)
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
