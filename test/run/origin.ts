import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An HTTP server of the host that says its name and which Host it was asked for. */
export async function serveHttp(
  name: string,
  { port = 0, host = '127.0.0.1' } = {},
): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close')
    response.end(`${name} for ${request.headers.host} ${request.method} ${request.url}\n`)
  })
  await listening(server, port, host)
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}
