import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CredentialError, readBasic, readCredential } from '../../client/proxy/credential.ts'
import { readAuthority, readDestination } from '../../client/proxy/destination.ts'
import { endToEnd, requestFields } from '../../client/proxy/http-headers.ts'
import { type HttpWanted, hostField, readHttp } from '../../client/proxy/http-request.ts'
import { codeOfError, outcomeOf } from '../../client/proxy/outcome.ts'
import { type RouteFacts, routeOf } from '../../client/proxy/route.ts'
import { AddressError, readListenAt } from '../../client/settings.ts'
import { parseHostname } from '../../names/hostname.ts'
import { Ownership } from '../../resolver/catalog.ts'
import { RESET_CODES, type ResetCode } from '../../tunnel/codes.ts'

describe('destinations', () => {
  const name = (host: string, port: number) => ({ kind: 'name', name: host, port })
  const address = (host: string, port: number) => ({ kind: 'address', address: host, port })

  test('are names or addresses in their one spelling', () => {
    assert.deepEqual(readDestination('Wiki.Corp.internal.', 80), name('wiki.corp.internal', 80))
    assert.deepEqual(readDestination('10.0.0.1', 80), address('10.0.0.1', 80))
    assert.deepEqual(readDestination('[::1]', 80), address('::1', 80))
    assert.deepEqual(readDestination('0:0:0:0:0:0:0:1', 80), address('::1', 80))
    assert.deepEqual(readDestination('::ffff:127.80.0.5', 80), address('127.80.0.5', 80))
    assert.deepEqual(readDestination('bücher.example', 80), name('xn--bcher-kva.example', 80))
  })

  test('are nothing else', () => {
    for (const host of [
      '',
      '.',
      'a..b',
      '0x7f.1',
      '127.1',
      '2130706433',
      '0177.0.0.1',
      '01.2.3.4',
    ]) {
      assert.equal(readDestination(host, 80).kind, 'bad', host)
    }
    for (const host of [
      'a b',
      'a\0b',
      'a%2eb',
      'fe80::1%lo',
      '[::1',
      '::1]',
      'a/b',
      'u@h',
      'a:1',
    ]) {
      assert.equal(readDestination(host, 80).kind, 'bad', host)
    }
    for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
      assert.equal(readDestination('a.b', port).kind, 'bad', `${port}`)
    }
  })

  test('in authorities have a port, or the default one', () => {
    assert.deepEqual(readAuthority('a.b:443'), name('a.b', 443))
    assert.deepEqual(readAuthority('[::1]:443'), address('::1', 443))
    assert.deepEqual(readAuthority('a.b', 80), name('a.b', 80))
    for (const text of [
      'a.b',
      ':80',
      'a.b:',
      'a.b:+1',
      'a.b:80:80',
      '::1:80',
      '[a.b]:80',
      'a.b:080000',
    ]) {
      assert.equal(readAuthority(text).kind, 'bad', text)
    }
  })
})

describe('requests to the port', () => {
  const OWN = '127.0.0.1:1080'
  const read = (method: string, target: string, ...rawHeaders: string[]) =>
    readHttp({ version: '1.1', method, target, rawHeaders }, OWN)
  const kindOf = (wanted: HttpWanted) => (wanted.kind === 'bad' ? wanted.status : wanted.kind)

  test('are forwarded in absolute form, tunnelled by CONNECT', () => {
    const get = read('GET', 'http://a.b/x?y', 'Host', 'other')
    assert.deepEqual(get, {
      kind: 'forward',
      to: { kind: 'name', name: 'a.b', port: 80 },
      path: '/x?y',
    })
    assert.deepEqual(read('GET', 'HTTP://a.b?y'), { ...get, path: '/?y' })
    assert.equal(kindOf(read('CONNECT', 'a.b:443', 'Host', 'a.b:443')), 'connect')
    assert.equal(hostField({ kind: 'name', name: parseHostname('a.b'), port: 80 }), 'a.b')
    assert.equal(hostField({ kind: 'address', address: '::1', port: 8080 }), '[::1]:8080')
  })

  test('with another scheme, a user, a fragment or no port are bad', () => {
    for (const target of [
      'https://a.b/',
      'ftp://a.b/',
      'http://u:p@a.b/',
      'http://a.b/#c',
      'http:///x',
    ]) {
      assert.equal(kindOf(read('GET', target)), 400, target)
    }
    for (const target of ['a.b', 'a.b:0', 'http://a.b:443/', '/', 'u@a.b:443']) {
      assert.equal(kindOf(read('CONNECT', target)), 400, target)
    }
  })

  test('in origin form get the PAC file or nothing', () => {
    assert.equal(kindOf(read('GET', '/proxy.pac', 'Host', OWN)), 'pac')
    assert.equal(kindOf(read('GET', '/proxy.pac', 'Host', OWN, 'Sec-Fetch-Site', 'none')), 'pac')
    const pages: [string, string, ...string[]][] = [
      ['GET', '/', 'Host', OWN],
      ['POST', '/proxy.pac', 'Host', OWN],
      ['OPTIONS', '*', 'Host', OWN],
      ['GET', '/proxy.pac?x', 'Host', OWN],
      ['GET', '/proxy.pac', 'Host', 'evil.example:1080'],
      ['GET', '/proxy.pac', 'Host', 'localhost:1080'],
      ['GET', '/proxy.pac', 'Host', '127.0.0.1'],
      ['GET', '/proxy.pac'],
      ['GET', '/proxy.pac', 'Host', OWN, 'Origin', 'null'],
      ['GET', '/proxy.pac', 'Host', OWN, 'Referer', 'https://evil.example/'],
      ['GET', '/proxy.pac', 'Host', OWN, 'Sec-Fetch-Site', 'cross-site'],
      ['GET', '/proxy.pac', 'Host', OWN, 'Sec-Fetch-Site', 'same-origin'],
    ]
    for (const [method, target, ...headers] of pages) {
      assert.equal(
        kindOf(read(method, target, ...headers)),
        'page',
        `${method} ${target} ${headers}`,
      )
    }
  })

  test('that two servers could frame in two ways are refused', () => {
    assert.equal(kindOf(read('GET', 'http://a.b/', 'Host', 'a', 'host', 'b')), 400)
    assert.equal(
      kindOf(read('POST', 'http://a.b/', 'Content-Length', '1', 'content-length', '1')),
      400,
    )
    const chunked = ['Transfer-Encoding', 'chunked']
    assert.equal(kindOf(read('POST', 'http://a.b/', ...chunked, 'Content-Length', '1')), 400)
    assert.equal(kindOf(read('POST', 'http://a.b/', ...chunked, ...chunked)), 400)
    assert.equal(kindOf(read('POST', 'http://a.b/', 'Transfer-Encoding', 'gzip, chunked')), 501)
    assert.equal(kindOf(read('POST', 'http://a.b/', ...chunked)), 'forward')
  })
})

describe('fields', () => {
  test('between two hops only are left out, with what Connection names', () => {
    const raw = [
      'Connection',
      'close, X-A',
      'x-a',
      '1',
      'Keep-Alive',
      '1',
      'Upgrade',
      'h2c',
      'B',
      '2',
    ]
    assert.deepEqual(endToEnd(raw), ['B', '2'])
  })

  test('that frame and route cannot be named away', () => {
    const raw = ['Connection', 'content-length, host', 'Content-Length', '3', 'Host', 'x']
    const fields = requestFields({ method: 'POST', rawHeaders: raw }, 'a.b')
    assert.deepEqual(fields, ['Host', 'a.b', 'Content-Length', '3', 'Via', '1.1 byname'])
  })
})

describe('routes', () => {
  const ownership = new Ownership({
    kept: {
      zones: ['corp.internal'],
      entries: [
        {
          pattern: 'wiki.corp.internal',
          owned: true,
          ports: [{ from: 80, to: 80, protocol: 'tcp' }],
        },
      ],
    },
  })
  const facts: RouteFacts = {
    ownership,
    nameAt: (address) =>
      address === '127.80.0.5' ? parseHostname('wiki.corp.internal') : undefined,
    isSynthetic: (address) => address.startsWith('127.80.'),
    only: false,
    own: { address: '127.0.0.1', port: 1080 },
  }
  const route = (host: string, port: number, more: Partial<RouteFacts> = {}) => {
    const to = readDestination(host, port)
    return to.kind === 'bad' ? to : routeOf(to, { ...facts, ...more })
  }
  const codeOf = (found: ReturnType<typeof route>) => ('code' in found ? found.code : found.kind)

  test('lead ours over the way and the others directly', () => {
    const flow = { kind: 'flow', name: 'wiki.corp.internal', port: 80 }
    assert.deepEqual(route('wiki.corp.internal', 80), flow)
    assert.deepEqual(route('127.80.0.5', 80), flow)
    assert.deepEqual(route('example.com', 443), { kind: 'direct', host: 'example.com', port: 443 })
    assert.deepEqual(route('10.0.0.1', 22), { kind: 'direct', host: '10.0.0.1', port: 22 })
  })

  test('end here for names that nobody publishes, addresses of no name, and ourselves', () => {
    assert.equal(codeOf(route('nobody.corp.internal', 80)), 'no-such-name')
    assert.equal(codeOf(route('corp.internal', 80)), 'no-such-name')
    assert.equal(codeOf(route('127.80.0.6', 80)), 'no-such-name')
    assert.equal(codeOf(route('127.0.0.1', 1080)), 'unsupported')
    assert.equal(codeOf(route('127.0.0.1', 1081)), 'direct')
  })

  test('with --only end here for all that is not ours', () => {
    assert.equal(codeOf(route('example.com', 443, { only: true })), 'policy-denied')
    assert.equal(codeOf(route('10.0.0.1', 22, { only: true })), 'policy-denied')
    assert.equal(codeOf(route('wiki.corp.internal', 80, { only: true })), 'flow')
  })

  test('of known names without a catalogue go to the way, which waits and then says why', () => {
    const signedOut = new Ownership({
      kept: { zones: ['corp.internal'], entries: [] },
    })
    signedOut.suspend('signed out')
    assert.equal(codeOf(route('wiki.corp.internal', 80, { ownership: signedOut })), 'flow')
  })
})

test('every reset code has an outcome that is a failure', () => {
  for (const code of Object.keys(RESET_CODES) as ResetCode[]) {
    const { socks5, http } = outcomeOf(code)
    assert.ok(socks5 >= 1 && socks5 <= 8, code)
    assert.ok(http >= 403 && http <= 504, code)
  }
  assert.equal(codeOfError(Object.assign(new Error(), { code: 'ECONNREFUSED' })), 'origin-refused')
  assert.equal(codeOfError(new Error()), 'internal')
})

describe('the credential', () => {
  test('is user:password in the first line', () => {
    const check = readCredential('me:se:cret\r\nignored\n', 'file')
    assert.equal(check('me', 'se:cret'), true)
    assert.equal(check('me', 'se:cret '), false)
    assert.equal(check('me:se', 'cret'), false)
    for (const text of ['', 'me', ':x', 'me:', `${'u'.repeat(256)}:x`]) {
      assert.throws(() => readCredential(text, 'file'), CredentialError, text)
    }
  })

  test('is read from Basic and nothing else', () => {
    const basic = (text: string) => Buffer.from(text).toString('base64')
    assert.deepEqual(readBasic(`Basic ${basic('a:b:c')}`), { user: 'a', password: 'b:c' })
    for (const value of [
      undefined,
      '',
      'Basic',
      `Bearer ${basic('a:b')}`,
      `Basic ${basic('ab')}`,
      'Basic %%',
    ]) {
      assert.equal(readBasic(value), undefined, `${value}`)
    }
  })
})

test('listening addresses are loopback', () => {
  assert.deepEqual(readListenAt('--socks', '1081'), {
    address: '127.0.0.1',
    port: 1081,
    isDefault: false,
  })
  assert.equal(readListenAt('--socks', '127.0.0.9:0').address, '127.0.0.9')
  assert.equal(readListenAt('--socks', '[::1]:1080').address, '::1')
  for (const text of [
    '0.0.0.0:1080',
    '192.168.1.1:1080',
    '[::]:1',
    'localhost:1',
    '127.1:80',
    '1:2:3',
    ':80',
    '70000',
  ]) {
    assert.throws(() => readListenAt('--socks', text), AddressError, text)
  }
})
