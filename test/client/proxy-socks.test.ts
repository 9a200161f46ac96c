import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { SocksClient } from 'socks'
import { readCredential } from '../../client/proxy/credential.ts'
import {
  bodyOf,
  closedPort,
  curl,
  httpOrigin,
  type ProxyUnderTest,
  proxyOn,
  talk,
  tcpOrigin,
} from './proxy-house.ts'
import { doubleWay, type WayDouble } from './way-double.ts'

describe('SOCKS and CONNECT on the proxy port', () => {
  let web: Awaited<ReturnType<typeof httpOrigin>>
  let echo: Awaited<ReturnType<typeof tcpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest

  before(async () => {
    web = await httpOrigin(async (incoming, outgoing) => {
      outgoing.end(`${incoming.method} ${(await bodyOf(incoming)).length}`)
    })
    // Answers only after the end of what it is sent: seen only when half-close is carried.
    echo = await tcpOrigin((socket) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('end', () => socket.end(text.toUpperCase()))
    })
    way = doubleWay({
      'wiki.corp.internal': { to: web.port },
      'echo.corp.internal': { to: echo.port },
      'denied.corp.internal': { refuse: 'policy-denied', reason: 'no rule allows it' },
      'down.corp.internal': { refuse: 'connector-down', reason: '' },
      'refused.corp.internal': { refuse: 'origin-refused', reason: '' },
      'slow.corp.internal': { refuse: 'origin-timeout', reason: '' },
      'typo.corp.internal': { refuse: 'no-such-name', reason: '' },
      'cut.corp.internal': { sends: 'hello', thenReset: 'policy-changed' },
    })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    web.close()
    echo.close()
  })

  test('curl reaches a name by SOCKS5, SOCKS4a and CONNECT', async () => {
    const at = `127.0.0.1:${proxy.port}`
    for (const [how, onRamp] of [
      [['--socks5-hostname', at], 'socks'],
      [['--socks4a', at], 'socks'],
      [['--proxytunnel', '-x', `http://${at}`], 'connect'],
    ] as const) {
      const { stdout, stderr } = await curl(...how, 'http://wiki.corp.internal/', '-d', 'x=1')
      assert.equal(stdout, 'POST 3', stderr)
      const { name, port } = way.asked.at(-1) ?? {}
      assert.deepEqual([name, port, way.asked.at(-1)?.onRamp], ['wiki.corp.internal', 80, onRamp])
    }
  })

  test('each refusal has its SOCKS5 reply', async () => {
    const table = { denied: 2, down: 3, typo: 4, nobody: 4, refused: 5, slow: 6 }
    for (const [name, code] of Object.entries(table)) {
      const host = Buffer.from(`${name}.corp.internal`)
      const ask = Buffer.concat([
        Buffer.from([5, 1, 0, 5, 1, 0, 3, host.length]),
        host,
        Buffer.from([0, 80]),
      ])
      const answer = await talk(proxy.port, ask)
      assert.deepEqual([...answer], [5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0], name)
    }
  })

  test('each refusal has its CONNECT status and its sentence', async () => {
    const table = { denied: 403, down: 503, typo: 502, nobody: 502, refused: 502, slow: 504 }
    for (const [name, status] of Object.entries(table)) {
      const host = `${name}.corp.internal:443`
      const answer = await talk(proxy.port, `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      assert.match(answer.toString(), new RegExp(`^HTTP/1.1 ${status} .*\r\nContent-Type`), name)
      assert.match(answer.toString(), new RegExp(`byname: .*${host}: .+\n$`), name)
    }
  })

  test('SOCKS4 says no in its one word', async () => {
    const ask = Buffer.concat([
      Buffer.from([4, 1, 0, 80, 0, 0, 0, 1]),
      Buffer.from('me\0denied.corp.internal\0'),
    ])
    assert.deepEqual([...(await talk(proxy.port, ask))], [0, 0x5b, 0, 0, 0, 0, 0, 0])
  })

  test('BIND and UDP ASSOCIATE are refused with "command not supported"', async () => {
    for (const command of [2, 3, 9]) {
      const ask = Buffer.from([5, 1, 0, 5, command, 0, 1, 10, 0, 0, 1, 0, 80])
      assert.deepEqual([...(await talk(proxy.port, ask))].slice(2, 4), [5, 7])
    }
  })

  test('a client that offers no method of ours hears so', async () => {
    assert.deepEqual([...(await talk(proxy.port, Buffer.from([5, 1, 1])))], [5, 0xff])
  })

  test('an end in one direction leaves the other open', async () => {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: '127.0.0.1', port: proxy.port, type: 5 },
      command: 'connect',
      destination: { host: 'echo.corp.internal', port: 7 },
    })
    socket.end('half a close')
    assert.equal(await textOf(socket), 'HALF A CLOSE')
  })

  test('bytes that come with the request are not lost', async () => {
    const host = 'echo.corp.internal'
    const text = await halfClosed(
      proxy.port,
      `CONNECT ${host}:7 HTTP/1.1\r\nHost: ${host}\r\n\r\nearly`,
    )
    assert.match(text, /^HTTP\/1.1 200 .*\r\n\r\nEARLY$/s)
    const name = Buffer.from(host)
    const ask = [Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length]), name, Buffer.from('\0\x07early')]
    assert.match(await halfClosed(proxy.port, Buffer.concat(ask)), /EARLY$/)
  })

  test('a flow that a decision cuts is reset and said', async () => {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: '127.0.0.1', port: proxy.port, type: 5 },
      command: 'connect',
      destination: { host: 'cut.corp.internal', port: 80 },
    })
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.on('error', resolve))
    assert.equal(error.code, 'ECONNRESET')
    assert.ok(proxy.said.includes('bob@example.com may not reach cut.corp.internal:80: cut'))
  })

  test('what byname does not own is dialled directly, with the kernel’s own reasons', async () => {
    const at = `127.0.0.1:${proxy.port}`
    const direct = await curl('--socks5-hostname', at, `http://localhost:${web.port}/`)
    assert.equal(direct.stdout, 'GET 0')
    const port = await closedPort()
    const ask = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255])
    assert.equal((await talk(proxy.port, ask))[3], 5)
  })

  test('a credential is checked (RFC 1929), and SOCKS4 has none', async () => {
    const guarded = await proxyOn(way, { check: readCredential('me:secret', 'file') })
    const at = `127.0.0.1:${guarded.port}`
    const url = 'http://wiki.corp.internal/'
    const ok = await curl('--socks5-hostname', at, '--proxy-user', 'me:secret', url)
    assert.equal(ok.stdout, 'GET 0')
    const wrong = await curl('--socks5-hostname', at, '--proxy-user', 'me:wrong', url)
    assert.equal(wrong.code, 97)
    const none = await talk(guarded.port, Buffer.from([5, 1, 0]))
    assert.deepEqual([...none], [5, 0xff])
    const four = await talk(guarded.port, Buffer.from('\x04\x01\x00\x50\x00\x00\x00\x01me\0a.b\0'))
    assert.equal(four[1], 0x5b)
    await guarded.close()
  })

  test('a client that goes away while the origin is dialled ends the flow', async () => {
    const before = way.asked.length
    const socket = connect({ port: proxy.port, host: '127.0.0.1' })
    socket.write('CONNECT echo.corp.internal:7 HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 30))
    socket.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(way.asked.length, before + 1)
  })
})

async function textOf(socket: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

function halfClosed(port: number, bytes: Uint8Array | string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(bytes)
  return textOf(socket)
}
