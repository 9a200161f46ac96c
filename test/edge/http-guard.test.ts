import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { ask } from '../../edge/demo/ask.ts'
import { renewRequest } from '../../identity/exchange.ts'
import { makeDeviceKey } from '../../identity/key.ts'
import { GRANT, PATHS } from '../../identity/wire.ts'
import { type IdentityEdge, refusalIn, startIdentityEdge } from './identity-edge.ts'

let edge: IdentityEdge
before(async () => {
  edge = await startIdentityEdge()
  edge.failures.failed = () => undefined
})
after(() => edge.close())

/** Sends these very bytes; the status and the code in the body. */
async function raw(lines: readonly string[], body = ''): Promise<string> {
  const { port } = new URL(edge.url)
  const socket = connect({ host: '127.0.0.1', port: Number(port), ca: edge.caPem })
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  await once(socket, 'close')
  const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? []
  const [, code = ''] = /"code":"(ERR_[A-Z_]+)"/.exec(text) ?? []
  return `${status} ${code}`.trim()
}

const get = (...headers: string[]) =>
  raw([`GET ${PATHS.wellKnown} HTTP/1.1`, ...headers, 'Connection: close'])

describe('a request', () => {
  it('that names the edge is answered, and nothing of the answer is kept or run', async () => {
    for (const host of ['127.0.0.1', `127.0.0.1:${new URL(edge.url).port}`, 'EDGE.test:1']) {
      assert.equal(await get(`Host: ${host}`), '200', host)
    }
  })

  for (const host of [
    'evil.example',
    '127.0.0.1.evil.example',
    'edge.test.',
    '127.1',
    '2130706433',
    '[::1]',
    'edge.test@evil.example',
    'evil.example#edge.test',
    'edge.test:80:80',
    'edge.test:999999',
    'edge.test/',
    ' ',
  ]) {
    it(`that names ${JSON.stringify(host)} is refused`, async () => {
      assert.match(await get(`Host: ${host}`), /^400( ERR_HTTP_HOST)?$/)
    })
  }

  it('that names no host, or two, is refused', async () => {
    assert.match(await get(), /^400/)
    assert.match(await get('Host: edge.test', 'Host: evil.example'), /^400/)
    assert.match(await get('Host: edge.test', 'host: edge.test'), /^400/)
  })

  for (const target of ['https://evil.example/.well-known/byname', '//evil.example/', '*']) {
    it(`for ${target} is refused`, async () => {
      const lines = [`GET ${target} HTTP/1.1`, 'Host: edge.test', 'Connection: close']
      assert.match(await raw(lines), /^400/)
    })
  }

  for (const [what, headers, expected] of [
    ['of a page of another site', ['Origin: https://evil.example'], '400 ERR_HTTP_ORIGIN'],
    ['of a page without origin', ['Origin: null'], '400 ERR_HTTP_ORIGIN'],
    ['of our own page over http', ['Origin: http://edge.test'], '400 ERR_HTTP_ORIGIN'],
    ['of our own page', ['Origin: https://edge.test'], '200'],
    [
      'that a browser says is of another site',
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'],
      '400 ERR_HTTP_ORIGIN',
    ],
    [
      'that opens a WebSocket from another site',
      ['Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: websocket'],
      '400 ERR_HTTP_ORIGIN',
    ],
    [
      'that follows a link of another site',
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'],
      '200',
    ],
    ['that a person typed', ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'], '200'],
  ] as const) {
    it(`${what} gets ${expected}`, async () => {
      assert.equal(await get('Host: edge.test', ...headers), expected)
    })
  }

  it('whose body is too large is refused, with and without saying so beforehand', async () => {
    const head = [`POST ${PATHS.token} HTTP/1.1`, 'Host: edge.test', 'Connection: close']
    const form = 'Content-Type: application/x-www-form-urlencoded'
    const long = 'x'.repeat(20_000)
    const sized = await raw([...head, form, `Content-Length: ${long.length}`], long)
    const chunk = `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`
    const chunked = await raw([...head, form, 'Transfer-Encoding: chunked'], chunk)
    assert.equal(sized, '413 ERR_HTTP_BODY')
    assert.equal(chunked, '413 ERR_HTTP_BODY')
  })
})

describe('the token endpoint', () => {
  const post = async (body: string, type = 'application/x-www-form-urlencoded') =>
    refusalIn(
      await ask({
        url: edge.url + PATHS.token,
        headers: { 'content-type': type },
        body,
        caPem: edge.caPem,
      }),
    )
  const invalid = { status: 400, error: 'invalid_request', code: 'ERR_TOKEN_REQUEST' }

  for (const [what, body] of Object.entries({
    'an empty form': '',
    'no grant type': 'subject_token=x',
    'two grant types': `grant_type=${GRANT.renew}&grant_type=${GRANT.exchange}&refresh_token=x`,
    'a renewal without session': `grant_type=${GRANT.renew}`,
    'an exchange without token': `grant_type=${encodeURIComponent(GRANT.exchange)}`,
    'an exchange of another kind of token': `grant_type=${encodeURIComponent(GRANT.exchange)}&subject_token=x&subject_token_type=saml`,
    'bytes that are no form': '\0\xff%zz',
  })) {
    it(`answers ${what} with invalid_request`, async () => {
      assert.deepEqual(await post(body), invalid)
    })
  }

  it('answers another content type with invalid_request', async () => {
    assert.deepEqual(await post('{}', 'application/json'), invalid)
    assert.deepEqual(await post(`grant_type=${GRANT.renew}`, 'text/plain'), invalid)
  })

  it('answers another grant with unsupported_grant_type', async () => {
    assert.deepEqual(await post('grant_type=password&username=alice&password=x'), {
      status: 400,
      error: 'unsupported_grant_type',
      code: 'ERR_TOKEN_REQUEST',
    })
  })

  it('is no page to get', async () => {
    const { status } = await ask({ url: edge.url + PATHS.token, caPem: edge.caPem })
    assert.equal(status, 404)
  })

  it('tells whoever fails too often to slow down, and lets him in later', async () => {
    const own = await startIdentityEdge()
    const attempt = () =>
      ask({
        url: own.url + PATHS.token,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=x',
        caPem: own.caPem,
      })
    for (let i = 0; i < 20; i++) assert.equal((await attempt()).status, 400)
    assert.deepEqual(refusalIn(await attempt()), {
      status: 429,
      error: 'slow_down',
      code: 'ERR_RATE_LIMITED',
    })
    own.advance(10_000)
    assert.equal((await attempt()).status, 400)
    await own.close()
  })

  it('says that it cannot answer when the store is gone, and holds it against nobody', async () => {
    const own = await startIdentityEdge()
    await own.store.close()
    const failed: string[] = []
    own.failures.failed = (address) => void failed.push(address)
    const key = makeDeviceKey()
    const request = await renewRequest({ edgeUrl: own.url, key, sessionId: 'x', now: own.now() })
    assert.deepEqual(refusalIn(await own.send(request)), {
      status: 503,
      error: 'temporarily_unavailable',
      code: 'ERR_STORE_CLOSED',
    })
    assert.deepEqual(failed, [])
    await own.close()
  })
})
