import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { WebSocket } from 'ws'
import { acceptLinks, dialLink, type Link } from '../../tunnel/link.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { pattern } from './doubles.ts'
import { CERT, dialLoopback, openDoor, serveLoopback } from './loopback.ts'

const closedOf = (link: Link): Promise<LinkClosed> =>
  new Promise((resolve) => {
    link.onClosed = resolve
  })

/** As it lies there, for this turn only. */
const nextPiece = (link: Link): Promise<Uint8Array> =>
  new Promise((resolve) => {
    link.onMessage = (message) => {
      link.onMessage = undefined
      resolve(message)
    }
  })

/** The next `length` bytes, in however many pieces they come. */
const bytesOf = (link: Link, length: number): Promise<Buffer> =>
  new Promise((resolve) => {
    let bytes = Buffer.alloc(0)
    link.onMessage = (piece) => {
      bytes = Buffer.concat([bytes, piece])
      if (bytes.length < length) return
      link.onMessage = undefined
      resolve(bytes)
    }
  })

test('both ends of one TLS connection have the same exporter, and the client sees the key agreement', async (t) => {
  const { door, near, far } = await openPair()
  t.after(() => door.close())
  assert.equal(near.exporter()?.length, 32)
  assert.deepEqual(near.exporter(), far.exporter())
  assert.equal(near.keyAgreement, 'X25519MLKEM768')
  assert.equal(far.keyAgreement, undefined)
  assert.match(far.remoteAddress, /127\.0\.0\.1|::1/)
})

test('only the offered key agreement is used', async (t) => {
  const { door, near } = await openPair({ keyAgreements: 'X25519' })
  t.after(() => door.close())
  assert.equal(near.keyAgreement, 'X25519')
})

for (const zero of [false, true]) {
  test(`messages of every size arrive whole, ${zero ? 'zero' : 'random'} masks`, async (t) => {
    const { door, near, far } = await openPair()
    t.after(() => door.close())
    if (zero) near.useZeroMasks()
    near.proven()
    far.proven()
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const lengths = [1, 124, 125, 126, 127, 65_535, 65_536, 1_000_000]
      for (const length of lengths) {
        const arrives = bytesOf(to, length)
        from.send(pattern(length + 3).subarray(0, length))
        assert.ok((await arrives).equals(pattern(length + 3).subarray(0, length)))
      }
      await sendSlab(from, to, [1, 125, 126, 5, 127, 16_376, 300])
    }
  })
}

test('once both ends are proven, all that is read lies in the same memory', async (t) => {
  const { door, near, far } = await openPair()
  t.after(() => door.close())
  near.useZeroMasks()
  near.proven()
  far.proven()
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const memory = new Set<ArrayBufferLike>()
    for (let i = 0; i < 100; i++) {
      from.send(pattern(5000))
      memory.add((await nextPiece(to)).buffer)
    }
    // What came first was read by Node's own way.
    assert.ok(memory.size <= 2, `${memory.size} pieces of memory`)
  }
})

/** Lays out messages as an outbox does, and sees them arrive one by one. */
async function sendSlab(from: Link, to: Link, lengths: readonly number[]): Promise<void> {
  const slab = Buffer.alloc(100_000)
  const ends: number[] = []
  let at = 0
  for (const length of lengths) {
    at += from.headroomFor(length)
    at += pattern(length + 3).copy(slab, at, 0, length)
    ends.push(at)
  }
  const written = new Promise<void>((resolve) => from.sendSlab(slab, ends, resolve))
  for (const length of lengths) {
    const message = await bytesOf(to, length)
    assert.ok(message.equals(pattern(length + 3).subarray(0, length)), `${length} bytes`)
  }
  await written
}

test('messages that come while nobody listens wait in order', async (t) => {
  const { door, near, far } = await openPair()
  t.after(() => door.close())
  for (let i = 0; i < 5; i++) far.send(Uint8Array.of(i))
  await new Promise((resolve) => setTimeout(resolve, 50))
  for (let i = 0; i < 5; i++) assert.deepEqual([...(await nextPiece(near))], [i])
})

test('a close carries its code and reason to the other end', async (t) => {
  const { door, near, far } = await openPair()
  t.after(() => door.close())
  far.close('session-revoked', 'the session was revoked')
  const reason = 'the session was revoked'
  assert.deepEqual(await closedOf(near), { code: 'session-revoked', reason, by: 'peer' })
  assert.deepEqual(await closedOf(far), { code: 'session-revoked', reason, by: 'us' })
})

test('a link that breaks is lost', async (t) => {
  const { door, near, far } = await openPair()
  t.after(() => door.close())
  far.terminate()
  const { code, by } = await closedOf(near)
  assert.deepEqual({ code, by }, { code: 'tunnel-lost', by: 'network' })
})

test('a certificate of somebody else is refused, and so is a name that is not in it', async (t) => {
  const door = await openDoor(() => {})
  t.after(() => door.close())
  const { url } = door
  await assert.rejects(dialLink({ url }), { code: 'tunnel-lost', name: 'TunnelError' })
  const wrong = url.replace('localhost', '127.0.0.2')
  await assert.rejects(dialLink({ url: wrong, ca: CERT }), { code: 'tunnel-lost' })
})

test('nobody there, or nobody who answers: a coded error in time', async (t) => {
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const started = Date.now()
  const options = { url: `wss://127.0.0.1:${port}/tunnel`, ca: CERT, handshakeTimeoutMs: 200 }
  await assert.rejects(dialLink(options), (error: { code: string; facts: { cause: string } }) => {
    assert.equal(error.code, 'tunnel-lost')
    assert.equal(error.facts.cause, 'TimeoutError')
    return true
  })
  assert.ok(Date.now() - started < 2000)
  silent.close()
  const gone = { url: 'wss://127.0.0.1:1/tunnel', ca: CERT }
  await assert.rejects(dialLink(gone), { code: 'tunnel-lost' })
})

test('a dial can be called off', async (t) => {
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const controller = new AbortController()
  const dialling = dialLink({
    url: `wss://127.0.0.1:${port}/`,
    ca: CERT,
    signal: controller.signal,
  })
  controller.abort()
  await assert.rejects(dialling, { code: 'tunnel-lost' })
})

test('a web page, another subprotocol and another path are turned away; deflate is never agreed on', async (t) => {
  const door = await openDoor(() => {})
  t.after(() => door.close())
  const knock = (path: string, protocol: string, options: object) =>
    new Promise<string>((resolve) => {
      const ws = new WebSocket(`${door.url}${path}`, protocol, { ca: CERT, ...options })
      ws.once('open', () => {
        resolve(`open ${ws.extensions}`)
        ws.terminate()
      })
      ws.once('error', (error) => resolve(error.message))
    })
  assert.equal(await knock('', 'byname.1', { perMessageDeflate: true }), 'open ')
  assert.match(await knock('', 'byname.1', { origin: 'https://evil.example' }), /403/)
  assert.match(await knock('', 'other.1', {}), /400/)
  assert.match(await knock('?x=1', 'byname.1', {}), /open/)
})

test('a text message and a message beyond 1 MiB close the link with a code', async (t) => {
  for (const send of [
    (ws: WebSocket) => ws.send('text'),
    (ws: WebSocket) => ws.send(Buffer.alloc((1 << 20) + 9)),
  ]) {
    const { promise, resolve } = Promise.withResolvers<Link>()
    const door = await openDoor(resolve)
    t.after(() => door.close())
    const ws = new WebSocket(door.url, 'byname.1', { ca: CERT })
    ws.on('error', () => {})
    await once(ws, 'open')
    const link = await promise
    link.proven()
    link.onMessage = () => assert.fail('no such message')
    send(ws)
    assert.equal((await closedOf(link)).code, 'protocol-error')
  }
})

test('TLS 1.2 and slow handshakes are not waited for', async (t) => {
  const door = await openDoor(() => {})
  t.after(() => door.close())
  const { port } = door.server.address() as AddressInfo
  const old = tls.connect({ port, host: '127.0.0.1', ca: CERT, maxVersion: 'TLSv1.2' })
  const [error] = await once(old, 'error')
  assert.match(String((error as { code: string }).code), /ERR_SSL/)
})

test('through an HTTP proxy with basic authentication', async (t) => {
  const seen: (string | undefined)[] = []
  const proxy = await openProxy((request) => {
    seen.push(request.headers['proxy-authorization'])
    return request.headers['proxy-authorization'] === `Basic ${btoa('user:pass word')}` ? 200 : 407
  })
  const door = await serveLoopback(() => {})
  t.after(() => {
    door.close()
    proxy.close()
  })
  const good = `http://user:pass%20word@127.0.0.1:${proxy.port}`
  const { ready } = await dialLoopback(door.url, 'client', { proxy: good })
  assert.equal(ready.exporterMatched, true)
  const refused = dialLink({ url: door.url, ca: CERT, proxy: `http://127.0.0.1:${proxy.port}` })
  await assert.rejects(refused, { code: 'tunnel-lost', message: /credentials \(407\)/ })
  assert.equal(seen.length, 2)
})

async function openProxy(judge: (request: http.IncomingMessage) => number) {
  const server = http.createServer()
  server.on('connect', (request, socket) => {
    const status = judge(request)
    socket.write(`HTTP/1.1 ${status} Whatever\r\n\r\n`)
    if (status !== 200) return socket.end()
    const [host, port] = (request.url ?? '').split(':')
    const onward = net.connect(Number(port), host)
    for (const one of [onward, socket]) one.on('error', () => {})
    return onward.pipe(socket).pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, close: () => server.close() }
}

test('listening is over after close', async () => {
  const server = http.createServer()
  const links = acceptLinks({ server }, () => {})
  assert.equal(server.listenerCount('upgrade'), 1)
  links.close()
  assert.equal(server.listenerCount('upgrade'), 0)
})

async function openPair(options: { keyAgreements?: string } = {}) {
  const { promise, resolve } = Promise.withResolvers<Link>()
  const door = await openDoor(resolve)
  const near = await dialLink({ url: door.url, ca: CERT, ...options })
  return { door, near, far: await promise }
}
