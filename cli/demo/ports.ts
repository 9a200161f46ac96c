import net from 'node:net'

/** The wished loopback port if it is free now, else any that is. */
export function freePort(wished = 0): Promise<number> {
  const server = net.createServer()
  return new Promise((resolve, reject) => {
    server.on('error', (error) => (wished === 0 ? reject(error) : resolve(freePort())))
    server.listen(wished, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Waits until something accepts there, 15 s at most. */
export async function untilOpen(port: number, host = '127.0.0.1'): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await accepts(host, port)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing accepts on ${host}:${port} after 15 s`)
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    const settle = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.on('connect', () => settle(true)).on('error', () => settle(false))
  })
}
