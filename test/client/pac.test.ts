import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { pacFile } from '../../client/proxy/pac.ts'
import { findHostname } from '../../names/hostname.ts'
import { Ownership } from '../../resolver/catalog.ts'

const PROXY = 'PROXY 127.0.0.1:1080'

function findProxy(zones: readonly string[], entries: Record<string, boolean>) {
  const catalog = {
    zones,
    entries: Object.entries(entries).map(([pattern, owned]) => ({ pattern, owned, ports: [] })),
  }
  const context = createContext({})
  runInContext(pacFile(catalog, '127.0.0.1:1080'), context)
  const find = (host: string): string =>
    runInContext(`FindProxyForURL("http://x/", ${JSON.stringify(host)})`, context)
  return { find, ownership: new Ownership({ kept: catalog }) }
}

test('owned names and the names of zones go to the proxy, all others directly', () => {
  const { find } = findProxy(['corp.internal'], {
    'shop.example.com': true,
    '*.dev.example.com': true,
    'domain:lab.example.com': true,
    'open.lab.example.com': false,
  })
  const table = {
    'wiki.corp.internal': PROXY,
    'no.such.corp.internal': PROXY,
    'corp.internal': PROXY,
    'SHOP.example.com.': PROXY,
    'a.dev.example.com': PROXY,
    'a.b.dev.example.com': 'DIRECT',
    'dev.example.com': 'DIRECT',
    'lab.example.com': PROXY,
    'a.b.lab.example.com': PROXY,
    'open.lab.example.com': 'DIRECT',
    'notcorp.internal': 'DIRECT',
    'example.com': 'DIRECT',
    localhost: 'DIRECT',
    '127.0.0.1': 'DIRECT',
  }
  for (const [host, expected] of Object.entries(table)) assert.equal(find(host), expected, host)
})

test('names that are members of every object are no entries', () => {
  const { find } = findProxy(['corp.internal'], {})
  for (const host of ['constructor', 'toString', '__proto__', 'a.hasownproperty']) {
    assert.equal(find(host), 'DIRECT', host)
  }
})

test('for any catalogue and any name the PAC file says what Ownership says', () => {
  const label = fc.constantFrom('a', 'b', 'c', '__proto__')
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
  const pattern = fc
    .tuple(fc.constantFrom('', '*.', 'domain:'), name)
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 2 }),
      fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 6 }),
      fc.array(name, { minLength: 1, maxLength: 10 }),
      (zones, entries, hosts) => {
        const { find, ownership } = findProxy(zones, Object.fromEntries(entries))
        for (const host of hosts) {
          const hostname = findHostname(host)
          const isOurs = hostname !== undefined && ownership.find(hostname).kind !== 'not-ours'
          assert.equal(find(host), isOurs ? PROXY : 'DIRECT', host)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('a name cannot become code', () => {
  const text = pacFile({ zones: [], entries: [] }, '127.0.0.1:1"};alert(1)//')
  assert.doesNotThrow(() => runInContext(text, createContext({})))
})
