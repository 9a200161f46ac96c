import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  findHostname,
  HostnameError,
  hostOfService,
  parseHostname,
  readHostname,
} from '../../names/hostname.ts'

const SAME: [written: string, canonical: string][] = [
  ['wiki.corp.internal', 'wiki.corp.internal'],
  ['Wiki.CORP.Internal', 'wiki.corp.internal'],
  ['wiki.corp.internal.', 'wiki.corp.internal'],
  ['_ldap._tcp.corp.internal', '_ldap._tcp.corp.internal'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['faß.de', 'xn--fa-hia.de'],
  ['ＷＩＫＩ.corp', 'wiki.corp'],
  ['a。b.c', 'a.b.c'],
  ['3com.example', '3com.example'],
  ['localhost', 'localhost'],
]
for (const [written, canonical] of SAME) {
  test(`${JSON.stringify(written)} is ${canonical}`, () => {
    assert.equal(parseHostname(written), canonical)
  })
}

const REFUSED: [written: string, code: string][] = [
  ['', 'ERR_HOSTNAME_EMPTY'],
  ['.', 'ERR_HOSTNAME_EMPTY'],
  ['wiki.corp.internal..', 'ERR_HOSTNAME_LABEL'],
  ['a..b', 'ERR_HOSTNAME_LABEL'],
  ['.a', 'ERR_HOSTNAME_LABEL'],
  ['-a.b', 'ERR_HOSTNAME_LABEL'],
  ['a-.b', 'ERR_HOSTNAME_LABEL'],
  [`${'a'.repeat(64)}.b`, 'ERR_HOSTNAME_LABEL'],
  [`${'abcdefg.'.repeat(32)}ab`, 'ERR_HOSTNAME_TOO_LONG'],
  ['a'.repeat(5000), 'ERR_HOSTNAME_TOO_LONG'],
  ['a%2eb.com', 'ERR_HOSTNAME_CHARACTER'],
  ['a/b', 'ERR_HOSTNAME_CHARACTER'],
  ['a b', 'ERR_HOSTNAME_CHARACTER'],
  ['a\0b.c', 'ERR_HOSTNAME_CHARACTER'],
  ['a\r\nb.c', 'ERR_HOSTNAME_CHARACTER'],
  ['*.corp.internal', 'ERR_HOSTNAME_CHARACTER'],
  ['user@host.example', 'ERR_HOSTNAME_CHARACTER'],
  ['host.example:80', 'ERR_HOSTNAME_CHARACTER'],
  ['[::1]', 'ERR_HOSTNAME_CHARACTER'],
  ['::1', 'ERR_HOSTNAME_CHARACTER'],
  ['127.0.0.1', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['127.1', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['0x7f.1', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['a.0x', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['0177.0.0.1', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['2130706433', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['0x7f000001', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['１２７.０.０.１', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['wiki.corp.1', 'ERR_HOSTNAME_IS_ADDRESS'],
  ['xn--a.example', 'ERR_HOSTNAME_IDNA'],
  ['xn--.example', 'ERR_HOSTNAME_IDNA'],
  ['a\u00adb\ud800.example', 'ERR_HOSTNAME_IDNA'],
  ['\u200d.example', 'ERR_HOSTNAME_IDNA'],
]
for (const [written, code] of REFUSED) {
  test(`${JSON.stringify(written.slice(0, 40))} is refused as ${code}`, () => {
    assert.throws(
      () => parseHostname(written),
      (error) => error instanceof HostnameError && error.code === code,
    )
  })
}

test('a look-alike in another script is a different name, not the same', () => {
  assert.notEqual(parseHostname('wіki.corp.internal'), parseHostname('wiki.corp.internal'))
})

test('any text either is refused with a code or gives a name that parses to itself', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.domain()), (text) => {
      const read = readHostname(text)
      if (read.kind === 'not-a-hostname') return assert.match(read.code, /^ERR_HOSTNAME_/)
      assert.equal(findHostname(read.hostname), read.hostname)
      assert.match(read.hostname, /^[a-z0-9_.-]{1,253}$/)
    }),
    { numRuns: 3000 },
  )
})

test('every prefix of a long name is read without a throw', () => {
  const text = 'Bücher.xn--bcher-kva.Corp。internal.'
  for (let end = 0; end <= text.length; end++) readHostname(text.slice(0, end))
})

const SERVICES: [name: string, host: string | undefined][] = [
  ['_ldap._tcp.corp.internal', 'corp.internal'],
  ['db.corp.internal', 'db.corp.internal'],
  ['a._b.corp.internal', 'a._b.corp.internal'],
  ['_ldap._tcp', undefined],
]
for (const [name, host] of SERVICES) {
  test(`the host of ${name} is ${host}`, () => {
    assert.equal(hostOfService(parseHostname(name)), host)
  })
}
