import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, isIPv6 } from 'node:net'
import { Forwarder, type Upstream } from './forward.ts'
import { FrameReader, frame } from './frames.ts'
import { isTruncated, type Message } from './message.ts'
import { checkReply, type Random } from './query.ts'
import type { RaceTimes } from './race.ts'
import { readResolvConf, type Server } from './system.ts'

export interface UpstreamOptions {
  /** Asked for each question that goes out, so that a changed resolv.conf counts at once. */
  readonly servers: () => readonly Server[]
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly random?: Random
  readonly times?: RaceTimes
}

/** The machine's other resolvers, over UDP and TCP. The only file of dns/ that opens a socket. */
export function makeUpstream(options: UpstreamOptions): Upstream {
  return new Forwarder({ random: randomBytes, exchange, ...options })
}

/** The resolvers that the system is set to, without our own addresses; 127.0.0.1 if unreadable. */
export function systemServers(own: readonly string[] = [], file = '/etc/resolv.conf'): Server[] {
  try {
    return readResolvConf(readFileSync(file, 'utf8'), own)
  } catch {
    return readResolvConf('', own)
  }
}

/**
 * Sends one query to one server and waits for its answer: over UDP, from a port of its own, then
 * over TCP if the answer was cut or its letters' case was lost. Whatever does not answer the query
 * is dropped and the wait goes on. Rejects when the server is unreachable or the signal comes.
 */
export async function exchange(
  server: Server,
  query: Uint8Array,
  signal: AbortSignal,
): Promise<Message> {
  const message = await overUdp(server, query, signal)
  return message && !isTruncated(message) ? message : overTcp(server, query, signal)
}

/** `undefined` asks for TCP. */
function overUdp(
  server: Server,
  query: Uint8Array,
  signal: AbortSignal,
): Promise<Message | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Message | undefined>()
  const family = isIPv6(server.address) ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (address, _options, done) => done(null, address, family),
  })
  const stop = () => reject(new DOMException('given up', 'AbortError'))
  signal.addEventListener('abort', stop)
  socket.on('error', reject)
  socket.on('message', (bytes) => {
    const checked = checkReply(query, bytes)
    if (checked.kind === 'answer') resolve(checked.message)
    if (checked.kind === 'case-lost') resolve(undefined)
  })
  // Connected: the kernel then drops what comes from any other address or port, and tells of a
  // closed port at once. Node says so also of a socket that was closed meanwhile, which cannot send.
  let isOver = false
  socket.on('connect', () => isOver || socket.send(query))
  socket.connect(server.port, server.address)
  if (signal.aborted) stop()
  return promise.finally(() => {
    signal.removeEventListener('abort', stop)
    isOver = true
    socket.close()
  })
}

function overTcp(server: Server, query: Uint8Array, signal: AbortSignal): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>()
  const socket = connect({ host: server.address, port: server.port, signal })
  const reader = new FrameReader(65535)
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('closed without an answer')))
  socket.on('connect', () => socket.write(frame(query)))
  socket.on('data', (chunk) => {
    const messages = reader.push(Buffer.from(chunk))
    if (messages === undefined) reject(new Error('a malformed length'))
    for (const bytes of messages ?? []) {
      const checked = checkReply(query, bytes)
      if (checked.kind !== 'foreign') resolve(checked.message)
    }
  })
  return promise.finally(() => socket.destroy())
}
