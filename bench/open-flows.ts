import net from 'node:net'

const AT_ONCE = 128
const GREETING = Buffer.alloc(64, 'a flow that was used ')

/** Opens connections to something that echoes, some at a time; each has carried bytes both ways. */
export async function openFlows(
  at: { readonly host: string; readonly port: number },
  count: number,
): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  let begun = 0
  const work = async () => {
    while (begun++ < count) sockets.push(await openOne(at))
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, work))
  return sockets
}

function openOne(at: { readonly host: string; readonly port: number }): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...at, noDelay: true })
    socket.write(GREETING)
    socket.once('data', () => resolve(socket))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('a flow was closed')))
  })
}
