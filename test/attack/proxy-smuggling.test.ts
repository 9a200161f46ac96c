import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { httpOrigin, type ProxyUnderTest, proxyOn, talk, tcpOrigin } from '../client/proxy-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

const TARGET = 'http://wiki.corp.internal'

/** Requests that this proxy and an origin behind it could cut at different places. */
describe('request smuggling through the proxy port', () => {
  let origin: Awaited<ReturnType<typeof tcpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest
  let received = ''

  before(async () => {
    // Keeps every byte that arrives: what counts is what a naive origin would be shown.
    origin = await tcpOrigin((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
      })
    })
    way = doubleWay({ 'wiki.corp.internal': { to: origin.port } })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    origin.close()
  })

  async function send(text: string): Promise<string> {
    received = ''
    return (await talk(proxy.port, Buffer.from(text, 'latin1'))).toString('latin1')
  }

  const head = (...fields: string[]) =>
    [`POST ${TARGET}/ HTTP/1.1`, 'Host: wiki.corp.internal', 'Connection: close', ...fields].join(
      '\r\n',
    )
  const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n'

  const attacks: Record<string, string> = {
    'CL.TE': `${head('Content-Length: 6', 'Transfer-Encoding: chunked')}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    'TE.CL': `${head('Transfer-Encoding: chunked', 'Content-Length: 4')}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    'two lengths': `${head('Content-Length: 0', 'Content-Length: 40')}\r\n\r\n${SMUGGLED}`,
    'two equal lengths': `${head('Content-Length: 5', 'Content-Length: 5')}\r\n\r\nabcde`,
    'a list of lengths': `${head('Content-Length: 0, 40')}\r\n\r\n${SMUGGLED}`,
    'a signed length': `${head('Content-Length: +5')}\r\n\r\nabcde`,
    'a hexadecimal length': `${head('Content-Length: 0x5')}\r\n\r\nabcde`,
    'a huge length': `${head('Content-Length: 99999999999999999999')}\r\n\r\nabcde`,
    'another coding': `${head('Transfer-Encoding: xchunked')}\r\n\r\n0\r\n\r\n`,
    'two codings': `${head('Transfer-Encoding: gzip, chunked')}\r\n\r\n0\r\n\r\n`,
    'chunked twice': `${head('Transfer-Encoding: chunked, chunked')}\r\n\r\n0\r\n\r\n`,
    'chunked then identity': `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}\r\n\r\n0\r\n\r\n`,
    'a space before the colon': `${head('Transfer-Encoding : chunked')}\r\n\r\n0\r\n\r\n`,
    'a folded field': `${head('Transfer-Encoding:\r\n chunked')}\r\n\r\n0\r\n\r\n`,
    'a bare line feed': `POST ${TARGET}/ HTTP/1.1\nHost: a\nContent-Length: 0\n\n${SMUGGLED}`,
    'a bare carriage return': `${head('X: a\rTransfer-Encoding: chunked')}\r\n\r\n0\r\n\r\n`,
    'a NUL in a field': `${head('X: a\0b')}\r\n\r\n`,
    'a chunk size with a sign': `${head('Transfer-Encoding: chunked')}\r\n\r\n+5\r\nabcde\r\n0\r\n\r\n`,
    'a chunk size with 0x': `${head('Transfer-Encoding: chunked')}\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n`,
    'a chunk that is longer than it says': `${head('Transfer-Encoding: chunked')}\r\n\r\n3\r\nabcde\r\n0\r\n\r\n`,
    'two Hosts': `${head('Host: admin.corp.internal', 'Content-Length: 0')}\r\n\r\n`,
    'no version': `GET ${TARGET}/\r\n\r\n`,
    'HTTP/0.9 behind a target with a space': `GET ${TARGET}/ x HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a line break in the target': `GET ${TARGET}/\r\nX: y HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a user in the target': 'GET http://wiki.corp.internal@evil/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'a backslash in the target':
      'GET http://wiki.corp.internal\\@evil/ HTTP/1.1\r\nHost: a\r\n\r\n',
  }

  for (const [what, text] of Object.entries(attacks)) {
    test(`${what} is refused, and the origin sees none of it`, async () => {
      const answer = await send(text)
      assert.match(answer, /^HTTP\/1\.1 (400|501|505) /)
      assert.doesNotMatch(received, /\/admin|HTTP\/1\.1 \r\n/)
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer)
    })
  }

  test('a chunked body is framed anew, whatever its extensions and trailers', async () => {
    const body = '5;a="\\r\\n0"\r\nabcde\r\n0\r\nX-Trailer: GET /admin HTTP/1.1\r\n\r\n'
    const answer = await send(`${head('Transfer-Encoding: chunked')}\r\n\r\n${body}`)
    assert.match(answer, /^HTTP\/1\.1 (200|400) /)
    assert.doesNotMatch(received, /X-Trailer|a=/)
  })

  test('the Host that was judged is the one that the origin sees', async () => {
    await send(`GET ${TARGET}/ HTTP/1.1\r\nHost: admin.corp.internal\r\nConnection: close\r\n\r\n`)
    assert.match(received, /^GET \/ HTTP\/1\.1\r\nHost: wiki\.corp\.internal\r\n/)
    assert.doesNotMatch(received, /admin/)
  })

  test('Connection cannot take the framing or the Host away', async () => {
    const fields = head('Content-Length: 5').replace('close', 'close, content-length, host')
    await send(`${fields}\r\n\r\nabcde`)
    assert.match(received, /Content-Length: 5\r\n/)
    assert.match(received, /Host: wiki\.corp\.internal\r\n/)
  })

  test('an upgrade to HTTP/2 is not passed on', async () => {
    await send(
      `${head('Content-Length: 0', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__')}\r\n\r\n`,
    )
    assert.doesNotMatch(received, /upgrade/i)
  })

  test('pipelined requests go to their own names, one by one', async () => {
    const other = await httpOrigin((incoming, outgoing) => outgoing.end(`other ${incoming.url}`))
    const two = doubleWay({
      'wiki.corp.internal': { to: origin.port },
      'other.corp.internal': { to: other.port },
    })
    const own = await proxyOn(two)
    const socket = connect(own.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(
      `GET ${TARGET}/1 HTTP/1.1\r\nHost: a\r\n\r\nGET http://other.corp.internal/2 HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.destroy()
    assert.match(text, /ok[\s\S]*other \/2$/)
    await own.close()
    other.close()
  })
})

/** Answers by which an origin would split or poison what the client reads. */
describe('response smuggling through the proxy port', () => {
  const answers: Record<string, string> = {
    'length and chunked':
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
    'a bare carriage return': 'HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n',
    'no HTTP': 'SSH-2.0-OpenSSH\r\n',
    'a switch of protocols':
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
  }
  for (const [what, bytes] of Object.entries(answers)) {
    test(`${what} becomes a 502 of ours`, async (t) => {
      const origin = await tcpOrigin((socket) => socket.once('data', () => socket.end(bytes)))
      const proxy = await proxyOn(doubleWay({ 'wiki.corp.internal': { to: origin.port } }))
      t.after(async () => {
        await proxy.close()
        origin.close()
      })
      const text = `GET ${TARGET}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
      const answer = (await talk(proxy.port, text)).toString()
      assert.match(answer, /^HTTP\/1\.1 502 /)
    })
  }

  test('bytes behind an answer are nobody’s answer', async () => {
    const extra = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
    const origin = await tcpOrigin((socket) =>
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${extra}`),
      ),
    )
    const proxy = await proxyOn(doubleWay({ 'wiki.corp.internal': { to: origin.port } }))
    const socket = connect(proxy.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    for (let at = 0; at < 2; at++) {
      socket.write(`GET ${TARGET}/${at} HTTP/1.1\r\nHost: a\r\n\r\n`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    socket.destroy()
    assert.doesNotMatch(text, /poison/)
    await proxy.close()
    origin.close()
  })
})
