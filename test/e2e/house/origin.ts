/**
 * The far end of the tests that count: `node origin.ts ADDRESS PORT`. The first line of a connection
 * says what it is for.
 *
 *   send BYTES BYTES_PER_SECOND   that much of the test stream, evenly, then the end; 0: no pace
 *   echo                          what comes goes back
 */
import net from 'node:net'
import { patternAt } from './pattern.ts'

const [host, port] = process.argv.slice(2)
const TICK_MS = 100

net
  .createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      const end = first.indexOf('\n')
      const [verb, bytes, pace] = first.subarray(0, end).toString().split(' ')
      if (verb === 'send') send(socket, Number(bytes), Number(pace) || Infinity)
      else echo(socket, first.subarray(end + 1))
    })
  })
  .listen({ host, port: Number(port), backlog: 4096 })

function echo(socket: net.Socket, early: Buffer): void {
  socket.write(early)
  socket.pipe(socket)
}

function send(socket: net.Socket, bytes: number, bytesPerSecond: number): void {
  const startedAt = performance.now()
  let sent = 0
  const timer = Number.isFinite(bytesPerSecond) ? setInterval(more, TICK_MS) : undefined
  socket.on('drain', more).on('close', () => clearInterval(timer))
  more()

  function more(): void {
    const allowed = bytesPerSecond * ((performance.now() - startedAt + TICK_MS) / 1000)
    const until = Math.min(bytes, allowed)
    while (sent < until && !socket.writableNeedDrain) {
      const chunk = patternAt(sent, until - sent)
      if (chunk.length === 0) break
      sent += chunk.length
      socket.write(chunk)
    }
    if (sent === bytes) socket.end()
  }
}
