import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { test } from 'node:test'
import { type HealthOptions, type HealthServer, serveHealth } from '../../process/health.ts'

async function serving(
  use: (server: HealthServer) => Promise<void>,
  options: Partial<HealthOptions> = {},
) {
  const server = await serveHealth({
    port: 0,
    ready: () => ({ ok: true }),
    metrics: async () => 'up 1\n',
    ...options,
  })
  try {
    await use(server)
  } finally {
    await server.close()
  }
}

function get(
  server: HealthServer,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = http.request(
      { port: server.port, host: server.host, path, method, headers },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += String(chunk)
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    request.on('error', reject)
    request.end()
  })
}

async function raw(server: HealthServer, bytes: string): Promise<string> {
  const socket = net.connect({ port: server.port, host: server.host })
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  socket.on('error', () => undefined)
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

test('it listens on loopback and answers what it is asked', async () => {
  await serving(async (server) => {
    assert.equal(server.host, '127.0.0.1')
    assert.deepEqual(await get(server, '/healthz'), { status: 200, text: 'ok\n' })
    assert.deepEqual(await get(server, '/readyz'), { status: 200, text: 'ready\n' })
    assert.deepEqual(await get(server, '/metrics?x=1'), { status: 200, text: 'up 1\n' })
    assert.equal((await get(server, '/other')).status, 404)
    assert.equal((await get(server, '/healthz', {}, 'POST')).status, 405)
  })
})

test('not ready is 503 with the reason, while the process is healthy', async () => {
  await serving(
    async (server) => {
      assert.deepEqual(await get(server, '/readyz'), {
        status: 503,
        text: 'not ready: no tunnel\n',
      })
      assert.equal((await get(server, '/healthz')).status, 200)
    },
    { ready: () => ({ ok: false, why: 'no tunnel' }) },
  )
})

test('metrics that fail are a 500 and say nothing of the error', async () => {
  await serving(
    async (server) => {
      const { status, text } = await get(server, '/metrics')
      assert.equal(status, 500)
      assert.equal(text.includes('inner'), false)
    },
    { metrics: async () => Promise.reject(new Error('inner')) },
  )
})

test('a Host that is a chosen name is refused, addresses and told names are not', async () => {
  await serving(
    async (server) => {
      const status = async (host: string) => (await get(server, '/healthz', { host })).status
      for (const host of ['evil.example', 'localhost.evil.example', 'a:1:2']) {
        assert.equal(await status(host), 421, host)
      }
      for (const host of [
        'localhost',
        'LOCALHOST:99',
        '127.0.0.1:1',
        '[::1]:80',
        '10.1.2.3',
        'told',
      ]) {
        assert.equal(await status(host), 200, host)
      }
    },
    { names: ['told'] },
  )
})

test('two Host headers, none, or an Origin are refused', async () => {
  await serving(async (server) => {
    const two =
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n'
    assert.match(await raw(server, two), /^HTTP\/1.1 (400|421)/)
    assert.match(await raw(server, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 421/)
    assert.equal((await get(server, '/metrics', { origin: 'http://evil.example' })).status, 403)
    assert.equal((await get(server, '/metrics', { origin: 'null' })).status, 403)
  })
})

test('bytes that are not HTTP close the connection and nothing else', async () => {
  await serving(async (server) => {
    await raw(server, '\u0000\u0001\u0002\r\n\r\n')
    await raw(server, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    assert.equal((await get(server, '/healthz')).status, 200)
  })
})
