/**
 * An origin that answers what it is sent with the same bytes, holds every connection, and does
 * nothing else: where idle flows lead. Says its port on stdout.
 */
import net from 'node:net'

const server = net.createServer({ allowHalfOpen: false, noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => socket.write(chunk))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log((server.address() as net.AddressInfo).port)
})
