/** A WebSocket server that says back what it hears: `node ws-echo.ts ADDRESS PORT`. */
import { WebSocketServer } from 'ws'

const [host, port] = process.argv.slice(2)
new WebSocketServer({ host, port: Number(port) }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
})
