/**
 * An origin for more flows than iperf3 can: echoes what it is sent (`echo`), or sends without end
 * (`source`). Says its port on stdout.
 */
import net from 'node:net'

const CHUNK = Buffer.alloc(64 * 1024, 'bulk ')

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  if (process.argv[2] === 'source') pour(socket)
  else socket.on('data', (chunk) => socket.write(chunk))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log((server.address() as net.AddressInfo).port)
})

function pour(socket: net.Socket): void {
  const fill = () => {
    while (!socket.destroyed && socket.write(CHUNK));
  }
  socket.resume().on('drain', fill)
  fill()
}
