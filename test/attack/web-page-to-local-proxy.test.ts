import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import WebSocket from 'ws'
import { httpOrigin, type ProxyUnderTest, proxyOn, talk } from '../client/proxy-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

/** What a browser sends when a page of evil.example reaches for the proxy port of its visitor. */
describe('a web page that reaches for the local proxy', () => {
  let origin: Awaited<ReturnType<typeof httpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest

  before(async () => {
    origin = await httpOrigin((_incoming, outgoing) => outgoing.end('the wiki'))
    way = doubleWay({ 'wiki.corp.internal': { to: origin.port } })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    origin.close()
  })

  const PAGE = {
    Origin: 'https://evil.example',
    Referer: 'https://evil.example/',
    'Sec-Fetch-Site': 'cross-site',
    'Sec-Fetch-Mode': 'no-cors',
    'Sec-Fetch-Dest': 'empty',
  }

  function ask(
    method: string,
    path: string,
    headers: Record<string, string>,
    body = '',
  ): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
    return new Promise((resolve, reject) => {
      const { port } = proxy
      const asked = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        let text = ''
        answer.on('data', (chunk) => {
          text += chunk
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
        )
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }

  const requests: Record<string, [string, string, Record<string, string>, string?]> = {
    fetch: ['GET', '/', PAGE],
    'fetch of the PAC file': ['GET', '/proxy.pac', PAGE],
    'a no-cors POST of text': ['POST', '/', { ...PAGE, 'Content-Type': 'text/plain' }, 'a=b'],
    'a form': [
      'POST',
      '/',
      { ...PAGE, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      'a=b',
    ],
    'a CORS preflight': ['OPTIONS', '/', { ...PAGE, 'Access-Control-Request-Method': 'PUT' }],
    'a private-network preflight': [
      'OPTIONS',
      '/',
      { ...PAGE, 'Access-Control-Request-Private-Network': 'true' },
    ],
    'an image': [
      'GET',
      '/proxy.pac',
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'image' },
    ],
    'a script': [
      'GET',
      '/proxy.pac',
      { Referer: 'http://evil.example/', 'Sec-Fetch-Dest': 'script' },
    ],
    'a sandboxed frame': ['GET', '/proxy.pac', { Origin: 'null' }],
    'a rebound name': ['GET', '/proxy.pac', { Host: 'evil.example:1080' }],
    'a rebound name, same origin': [
      'GET',
      '/',
      { Host: 'evil.example', 'Sec-Fetch-Site': 'same-origin' },
    ],
    'a top-level link': [
      'GET',
      '/',
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    ],
  }

  for (const [what, [method, path, headers, body]] of Object.entries(requests)) {
    test(`${what} is refused, and nothing of the answer is the page's to read`, async () => {
      const before = proxy.front.counts.webPage
      const answer = await ask(method, path, headers, body)
      assert.equal(answer.status, 403)
      assert.equal(proxy.front.counts.webPage, before + 1)
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
      assert.equal(answer.headers['access-control-allow-private-network'], undefined)
      assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin')
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
      assert.equal(answer.headers.connection, 'close')
      assert.doesNotMatch(answer.text, /wiki/)
      assert.equal(way.asked.length, 0)
    })
  }

  test('a WebSocket does not open', async () => {
    for (const headers of [{ Origin: 'https://evil.example' }, { Host: 'evil.example' }, {}]) {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, { headers })
      const error = await new Promise<Error>((resolve) => socket.on('error', resolve))
      assert.match(error.message, /403/)
    }
  })

  test('a body that spells a proxy request is never read as one', async () => {
    const smuggled = 'CONNECT wiki.corp.internal:80 HTTP/1.1\r\nHost: wiki.corp.internal\r\n\r\n'
    const plain = 'GET http://wiki.corp.internal/ HTTP/1.1\r\nHost: wiki.corp.internal\r\n\r\n'
    for (const body of [smuggled, plain, '\x05\x01\x00']) {
      const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nOrigin: https://evil.example\r\n`
      const text = `${head}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      const answer = (await talk(proxy.port, text)).toString()
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1, answer)
      assert.match(answer, /^HTTP\/1\.1 403 /)
    }
    assert.equal(way.asked.length, 0)
  })

  test('requests behind a refused one on the same connection are not answered', async () => {
    const page = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\n\r\n`
    const next = 'GET http://wiki.corp.internal/ HTTP/1.1\r\nHost: wiki.corp.internal\r\n\r\n'
    const answer = (await talk(proxy.port, page + next)).toString()
    assert.match(answer, /^HTTP\/1\.1 403 /)
    assert.doesNotMatch(answer, /the wiki/)
    assert.equal(way.asked.length, 0)
  })

  test('TLS, HTTP/2 and nothing at all get nothing', async () => {
    const hello = Buffer.from('16030100c8010000c40303', 'hex')
    assert.equal((await talk(proxy.port, hello)).length, 0)
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    assert.match((await talk(proxy.port, preface)).toString(), /^HTTP\/1\.1 4/)
    const socket = connect(proxy.port, '127.0.0.1')
    socket.end()
    await new Promise((resolve) => socket.on('close', resolve))
    assert.equal(way.asked.length, 0)
  })

  test('the PAC file is for the browser itself and for its address bar', async () => {
    for (const headers of [{}, { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate' }]) {
      const { status, text } = await ask('GET', '/proxy.pac', headers)
      assert.equal(status, 200)
      assert.match(text, /FindProxyForURL/)
    }
  })
})
