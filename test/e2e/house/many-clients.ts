/**
 * Opens COUNT connections to HOST at once, and only when all are open asks each for PATH; prints how
 * many were open together and what came: `node many-clients.ts HOST PATH COUNT`.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'

const [host = '', path = '/', count = '0'] = process.argv.slice(2)
const sockets = await Promise.all(Array.from({ length: Number(count) }, open))
const bodies = await Promise.all(sockets.map(ask))
const sizes: Record<string, number> = {}
for (const { size } of bodies) sizes[size] = (sizes[size] ?? 0) + 1
const distinct = new Set(bodies.map(({ hash }) => hash)).size
console.log(JSON.stringify({ atOnce: sockets.length, bodies: sizes, distinct }))

async function open(): Promise<net.Socket> {
  const socket = net.connect(80, host)
  await once(socket, 'connect')
  return socket
}

async function ask(socket: net.Socket): Promise<{ size: number; hash: string }> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  const all = Buffer.concat(chunks)
  const body = all.subarray(all.indexOf('\r\n\r\n') + 4)
  return { size: body.length, hash: createHash('sha256').update(body).digest('hex') }
}
