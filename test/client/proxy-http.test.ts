import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readCredential } from '../../client/proxy/credential.ts'
import {
  bodyOf,
  closedPort,
  curl,
  httpOrigin,
  type ProxyUnderTest,
  proxyOn,
  talk,
} from './proxy-house.ts'
import { doubleWay, type WayDouble } from './way-double.ts'

describe('plain HTTP through the proxy port', () => {
  let origin: Awaited<ReturnType<typeof httpOrigin>>
  let proxy: ProxyUnderTest
  let way: WayDouble
  let seen: { method: string; url: string; rawHeaders: string[] }[] = []

  before(async () => {
    origin = await httpOrigin(async (incoming, outgoing) => {
      const body = await bodyOf(incoming)
      const { method = '', url = '', rawHeaders } = incoming
      seen.push({ method, url, rawHeaders })
      outgoing.setHeader('Set-Cookie', ['a=1', 'b=2'])
      outgoing.setHeader('X-Port', String(incoming.socket.remotePort))
      outgoing.setHeader('Keep-Alive', 'timeout=9')
      outgoing.setHeader('Content-Length', method.length + url.length + 66)
      outgoing.end(`${method} ${url} ${createHash('sha256').update(body).digest('hex')}`)
    })
    way = doubleWay({
      'wiki.corp.internal': { to: origin.port },
      'denied.corp.internal': { refuse: 'policy-denied', reason: 'no rule allows it' },
      'down.corp.internal': { refuse: 'connector-down', reason: 'no connector is connected' },
      'refused.corp.internal': { refuse: 'origin-refused', reason: 'connection refused' },
      'slow.corp.internal': { refuse: 'origin-timeout', reason: 'no answer in 10 s' },
      'typo.corp.internal': { refuse: 'origin-no-such-name', reason: 'no such name' },
      'cut.corp.internal': { sends: '', thenReset: 'policy-changed' },
      'broken.corp.internal': {
        sends: 'HTTP/1.1 200 OK\r\n\r\nthe first half',
        thenReset: 'origin-reset',
      },
    })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    origin.close()
  })

  const through = (...args: string[]) => curl('-x', `http://127.0.0.1:${proxy.port}`, ...args)

  test('curl fetches a private page by name', async () => {
    seen = []
    const { code, stdout } = await through('-i', 'http://wiki.corp.internal/a?b=c')
    assert.equal(code, 0)
    assert.match(stdout, /^HTTP\/1.1 200 OK/)
    assert.match(stdout, /GET \/a\?b=c/)
    assert.deepEqual(
      stdout.match(/^Set-Cookie: .*$/gm)?.map((line) => line.trim()),
      ['Set-Cookie: a=1', 'Set-Cookie: b=2'],
    )
    assert.deepEqual(way.asked.at(-1), {
      name: 'wiki.corp.internal',
      port: 80,
      protocol: 'tcp',
      onRamp: 'http-proxy',
    })
  })

  test('hop-by-hop fields stay on their hop, Via is added, Host is the target', async () => {
    seen = []
    await through(
      ...['-H', 'Connection: X-Secret, close', '-H', 'X-Secret: 1', '-H', 'Proxy-Foo: 2'],
      ...['-H', 'TE: trailers', '-H', 'X-Kept: 3', '-H', 'Host: admin.corp.internal'],
      'http://WIKI.corp.internal:80/',
    )
    const fields = new Map<string, string>()
    const raw = seen[0]?.rawHeaders ?? []
    for (let at = 0; at < raw.length; at += 2) fields.set(raw[at] ?? '', raw[at + 1] ?? '')
    assert.equal(fields.get('Host'), 'wiki.corp.internal')
    assert.equal(fields.get('Via'), '1.1 byname')
    assert.equal(fields.get('X-Kept'), '3')
    for (const gone of ['X-Secret', 'TE', 'Proxy-Connection']) assert.ok(!fields.has(gone), gone)
  })

  test('a large body goes up with its length, and chunked when it has none', async () => {
    const bytes = randomBytes(3_000_000)
    const file = path.join(tmpdir(), `byname-upload-${process.pid}`)
    await writeFile(file, bytes)
    const sum = createHash('sha256').update(bytes).digest('hex')
    for (const how of [[], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect: 100-continue']]) {
      const { stdout } = await through(
        '--data-binary',
        `@${file}`,
        ...how,
        'http://wiki.corp.internal/up',
      )
      assert.equal(stdout, `POST /up ${sum}`)
    }
  })

  test('a POST without a body keeps its framing', async () => {
    seen = []
    await through('-X', 'POST', 'http://wiki.corp.internal/empty')
    assert.ok(seen[0]?.rawHeaders.includes('Content-Length'))
    assert.ok(!seen[0]?.rawHeaders.includes('Transfer-Encoding'))
  })

  test('HEAD has the length and no body', async () => {
    const { code, stdout } = await through('-I', 'http://wiki.corp.internal/')
    assert.equal(code, 0)
    assert.match(stdout, /Content-Length: \d+/)
  })

  test('requests of one client share a connection to the origin, other clients have their own', async () => {
    const url = 'http://wiki.corp.internal/'
    const same = await through('-i', url, url)
    const ports = [...same.stdout.matchAll(/X-Port: (\d+)/g)].map((match) => match[1])
    const other = await through('-i', url)
    assert.equal(ports.length, 2)
    assert.equal(ports[0], ports[1])
    assert.notEqual(/X-Port: (\d+)/.exec(other.stdout)?.[1], ports[0])
  })

  test('each refusal has its status, its Proxy-Status and its sentence', async () => {
    const table = [
      [
        'denied',
        403,
        'http_request_denied',
        'bob@example.com may not reach denied.corp.internal:80: no rule allows it',
      ],
      [
        'down',
        503,
        'destination_unavailable',
        'cannot reach down.corp.internal:80: no connector is connected',
      ],
      [
        'refused',
        502,
        'connection_refused',
        'cannot reach refused.corp.internal:80: connection refused',
      ],
      ['slow', 504, 'connection_timeout', 'cannot reach slow.corp.internal:80: no answer in 10 s'],
      ['typo', 502, 'dns_error', 'cannot reach typo.corp.internal:80: no such name'],
      [
        'nobody',
        502,
        'dns_error',
        'cannot reach nobody.corp.internal:80: nobody publishes this name',
      ],
    ] as const
    for (const [name, status, error, sentence] of table) {
      const { stdout } = await through('-i', `http://${name}.corp.internal/`)
      assert.match(stdout, new RegExp(`^HTTP/1.1 ${status} `), name)
      assert.match(stdout, new RegExp(`Proxy-Status: byname; error=${error}; details="`), name)
      assert.ok(stdout.endsWith(`byname: ${sentence}\n`), stdout)
      assert.ok(proxy.said.includes(sentence), name)
    }
  })

  test('an answer that breaks off breaks off at the client too', async () => {
    const { code, stdout } = await through('http://broken.corp.internal/')
    assert.equal(stdout, 'the first half')
    assert.notEqual(code, 0)
    const cut = await through('-i', 'http://cut.corp.internal/')
    assert.match(cut.stdout, /^HTTP\/1.1 403 /)
  })

  test('names that are not byname’s are fetched directly, unless --only is set', async () => {
    const url = `http://localhost:${origin.port}/direct`
    assert.match((await through(url)).stdout, /GET \/direct/)
    assert.match((await through(`http://127.0.0.1:${origin.port}/direct`)).stdout, /GET \/direct/)
    const only = await proxyOn(way, { only: true })
    const { stdout } = await curl('-x', `http://127.0.0.1:${only.port}`, '-i', url)
    assert.match(stdout, /^HTTP\/1.1 403 [\s\S]*--only is set/)
    await only.close()
  })

  test('a direct name that does not answer says why', async () => {
    const port = await closedPort()
    const { stdout } = await through('-i', `http://127.0.0.1:${port}/`)
    assert.match(stdout, /^HTTP\/1.1 502 [\s\S]*error=connection_refused/)
  })

  test('the proxy is no way to itself', async () => {
    const { stdout } = await through('-i', `http://127.0.0.1:${proxy.port}/proxy.pac`)
    assert.match(stdout, /^HTTP\/1.1 501 /)
  })

  test('a client that goes away ends its request at the origin', async () => {
    let closed = (_: unknown) => {}
    const gone = new Promise((resolve) => {
      closed = resolve
    })
    const hanging = await httpOrigin((incoming) => incoming.socket.on('close', closed))
    const way = doubleWay({ 'hang.corp.internal': { to: hanging.port } })
    const other = await proxyOn(way)
    const ask = request({ port: other.port, host: '127.0.0.1', path: 'http://hang.corp.internal/' })
    ask.on('error', () => {})
    ask.end()
    setTimeout(() => ask.destroy(), 50)
    await gone
    await other.close()
    hanging.close()
  })

  test('a head that never ends is closed, and bytes of no protocol at once', async () => {
    assert.equal((await talk(proxy.port, Buffer.from([0x16, 3, 1, 0, 0]))).length, 0)
    assert.equal(proxy.front.counts.unknownProtocol, 1)
    const huge = `GET http://wiki.corp.internal/ HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`
    assert.match((await talk(proxy.port, huge)).toString(), /^HTTP\/1.1 400 /)
  })

  test('a credential is asked for and checked when there is one', async () => {
    const check = readCredential('me:secret\n', 'file')
    const guarded = await proxyOn(way, { check })
    const at = `http://127.0.0.1:${guarded.port}`
    const url = 'http://wiki.corp.internal/'
    assert.match((await curl('-x', at, '-i', url)).stdout, /^HTTP\/1.1 407 [\s\S]*Basic realm=/)
    assert.match((await curl('-x', at, '-U', 'me:wrong', '-i', url)).stdout, /^HTTP\/1.1 407 /)
    assert.match((await curl('-x', at, '-U', 'me:secret', '-i', url)).stdout, /^HTTP\/1.1 200 /)
    assert.match((await curl('-i', `${at}/proxy.pac`)).stdout, /^HTTP\/1.1 401 /)
    assert.match((await curl('-u', 'me:secret', '-i', `${at}/proxy.pac`)).stdout, /^HTTP\/1.1 200 /)
    assert.equal(guarded.front.counts.noCredential, 3)
    await guarded.close()
  })

  test('the answer to a keep-alive request leaves the connection usable', async () => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    const get = (name: string) => `GET http://${name}/ HTTP/1.1\r\nHost: ${name}\r\n\r\n`
    socket.write(get('denied.corp.internal') + get('wiki.corp.internal'))
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.destroy()
    assert.deepEqual(text.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 403', 'HTTP/1.1 200'])
  })
})
