import { once } from 'node:events'
import net from 'node:net'

/** A flow by HTTP CONNECT through the client's proxy port. */
export async function connectThrough(proxy: number, target: string): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port: proxy })
  socket.on('error', () => socket.destroy())
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  await once(socket, 'readable')
  const answer = String(socket.read())
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`CONNECT: ${answer.slice(0, 200)}`)
  return socket
}
