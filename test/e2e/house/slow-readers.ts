/**
 * Programs that ask for much and read nothing: `node slow-readers.ts HOST PORT COUNT BYTES` opens COUNT
 * connections, 100 at a time, and holds them until it is killed. A line of JSON each 200 ms.
 */
import { once } from 'node:events'
import net from 'node:net'

export interface Readers {
  readonly open: number
  readonly failed: readonly string[]
}

const AT_ONCE = 100

const [host = '', port = '0', count = '0', bytes = '0'] = process.argv.slice(2)
const failed: string[] = []
let [next, open] = [0, 0]
setInterval(() => {
  const readers: Readers = { open, failed }
  console.log(JSON.stringify(readers))
}, 200)
await Promise.all(Array.from({ length: AT_ONCE }, openSome))

async function openSome(): Promise<void> {
  while (next < Number(count)) {
    next++
    await openOne().catch((error: Error) => failed.push(error.message))
  }
}

/** Reads a first piece, so that the flow is known to be open, and no more. */
async function openOne(): Promise<void> {
  const socket = net.connect({ host, port: Number(port) })
  socket.write(`send ${bytes} 0\n`)
  await once(socket, 'readable')
  socket.read(1)
  socket.on('error', (error) => failed.push(error.message))
  socket.on('close', () => open--)
  open++
}
