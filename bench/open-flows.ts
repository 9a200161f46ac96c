import type { Socket } from 'node:net'

const AT_ONCE = 128
const GREETING = Buffer.alloc(64, 'a flow that was used ')

/** Opens flows to something that echoes, some at a time; each has carried bytes both ways. */
export async function openFlows(open: () => Promise<Socket>, count: number): Promise<void> {
  let begun = 0
  const work = async () => {
    while (begun++ < count) await greet(await open())
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, work))
}

async function greet(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('data', () => resolve())
  socket.on('error', reject).on('close', () => reject(new Error('a flow was closed')))
  socket.write(GREETING)
  await promise
}
