import { createServer } from 'node:net'
import { ListenError, listen } from '../listen.ts'
import { type WithheldWhy, whyOf } from './withheld.ts'

/**
 * Finds out which ports this program cannot have, by asking for each on an address that no name
 * gets: only the kernel knows (capabilities, sysctls, and whoever listens on every address).
 */
export async function findWithheld(
  address: string,
  ports: readonly number[],
): Promise<ReadonlyMap<number, WithheldWhy>> {
  const withheld = new Map<number, WithheldWhy>()
  await Promise.all(
    ports.map(async (port) => {
      const why = await tryPort(address, port)
      if (why) withheld.set(port, why)
    }),
  )
  return withheld
}

async function tryPort(address: string, port: number): Promise<WithheldWhy | undefined> {
  const server = createServer((socket) => socket.destroy())
  try {
    await listen(server, { address, port })
    await new Promise((resolve) => server.close(resolve))
    return undefined
  } catch (error) {
    if (error instanceof ListenError) return whyOf(error)
    throw error
  }
}
