import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Hostname, parseHostname } from '../../names/hostname.ts'
import { type Catalog, Ownership, publishes } from '../../resolver/catalog.ts'
import { CATALOG, owned } from './setup.ts'

const kindOf = (ownership: Ownership, name: string) => ownership.find(parseHostname(name)).kind

describe('ownership', () => {
  const table: readonly [name: string, kind: string][] = [
    ['wiki.corp.internal', 'owned'],
    ['a.ci.corp.internal', 'owned'],
    ['a.b.ci.corp.internal', 'absent'],
    ['ci.corp.internal', 'empty'],
    ['corp.internal', 'empty'],
    ['dev.corp.internal', 'empty'],
    ['nothing.corp.internal', 'absent'],
    ['below.wiki.corp.internal', 'absent'],
    ['secret.ci.corp.internal', 'absent'],
    ['deep.hidden.corp.internal', 'absent'],
    ['hidden.corp.internal', 'absent'],
    ['internal', 'not-ours'],
    ['xcorp.internal', 'not-ours'],
    ['bank.example', 'owned'],
    ['a.b.bank.example', 'owned'],
    ['mybank.example', 'not-ours'],
    ['example.com', 'not-ours'],
  ]
  const ownership = new Ownership({ kept: CATALOG })
  for (const [name, kind] of table) {
    it(`says that ${name} is ${kind}`, () => assert.equal(kindOf(ownership, name), kind))
  }

  it('tells a listed name from one under a pattern, and names the pattern', () => {
    const listed = ownership.find(parseHostname('wiki.corp.internal'))
    const under = ownership.find(parseHostname('a.ci.corp.internal'))
    assert.partialDeepStrictEqual(listed, { wildcard: false, app: 'wiki.corp.internal' })
    assert.partialDeepStrictEqual(under, { wildcard: true, app: '*.ci.corp.internal' })
  })

  it('lets the most specific entry win, in whatever order they come', () => {
    const entries = [
      { pattern: 'domain:example.com', owned: true, ports: [] },
      { pattern: '*.cdn.example.com', owned: false, ports: [] },
      { pattern: 'own.cdn.example.com', owned: true, ports: [] },
    ]
    for (const order of [entries, entries.toReversed()]) {
      const mixed = new Ownership({ kept: { zones: [], entries: order } })
      assert.equal(kindOf(mixed, 'www.example.com'), 'owned')
      assert.equal(kindOf(mixed, 'x.cdn.example.com'), 'not-ours')
      assert.equal(kindOf(mixed, 'own.cdn.example.com'), 'owned')
    }
  })

  it('gives no address while suspended, and lets nothing through either', () => {
    const suspended = new Ownership({ kept: CATALOG })
    suspended.suspend('signed out')
    for (const name of ['wiki.corp.internal', 'nothing.corp.internal', 'bank.example']) {
      const whose = suspended.find(parseHostname(name))
      assert.deepEqual(whose, { kind: 'not-yet', why: 'signed out' })
    }
    assert.equal(kindOf(suspended, 'example.com'), 'not-ours')
    suspended.update(CATALOG)
    assert.equal(kindOf(suspended, 'wiki.corp.internal'), 'owned')
  })

  it('forgets what a newer catalogue no longer has', () => {
    const changing = new Ownership({ kept: CATALOG })
    assert.equal(kindOf(changing, 'wiki.corp.internal'), 'owned')
    changing.update({ zones: ['corp.internal'], entries: [] })
    assert.equal(kindOf(changing, 'wiki.corp.internal'), 'absent')
    assert.equal(kindOf(changing, 'bank.example'), 'not-ours')
  })

  it('skips what is no pattern and says so, without losing the rest', () => {
    const odd: Catalog = {
      zones: ['corp.internal', '127.1'],
      entries: [owned('bad..name'), owned('wiki.corp.internal')],
    }
    const fresh = new Ownership()
    assert.deepEqual(fresh.update(odd), { skipped: ['127.1', 'bad..name'] })
    assert.equal(kindOf(fresh, 'wiki.corp.internal'), 'owned')
  })

  it('answers for nothing before the first catalogue', () => {
    assert.equal(kindOf(new Ownership(), 'wiki.corp.internal'), 'not-ours')
  })

  it('lets missing names of a zone through only where the admin wants it', () => {
    const through = new Ownership({ kept: CATALOG, fallThrough: true })
    assert.equal(kindOf(through, 'nothing.corp.internal'), 'not-ours')
    assert.equal(kindOf(through, 'wiki.corp.internal'), 'owned')
    assert.equal(kindOf(through, 'corp.internal'), 'empty')
  })

  it('names the rule where DNS is to block', () => {
    const entry = { ...owned('ads.example'), blockedBy: 'no-ads' }
    const blocking = new Ownership({ kept: { zones: [], entries: [entry] } })
    const whose = blocking.find(parseHostname('ads.example'))
    assert.deepEqual(whose, { kind: 'blocked', rule: 'no-ads' })
  })

  it('guards names that are no hostnames below zones and owned domains', () => {
    const guards = (tail: string) => ownership.guards(parseHostname(tail))
    assert.equal(guards('corp.internal'), true)
    assert.equal(guards('bank.example'), true)
    assert.equal(guards('example.com'), false)
  })

  it('answers from memory as it does from the table, however many names are asked', () => {
    const name = (i: number) => parseHostname(`x${i}.ci.corp.internal`)
    for (let i = 0; i < 5000; i++) assert.equal(ownership.find(name(i)).kind, 'owned')
    assert.equal(ownership.find(name(0)).kind, 'owned')
    assert.equal(kindOf(ownership, 'nothing.corp.internal'), 'absent')
  })

  it('lists its patterns for on-ramps that listen a port at a time', () => {
    const bases: Hostname[] = ownership.owned().map(({ pattern }) => pattern.base)
    assert.deepEqual(bases.slice(0, 2), ['wiki.corp.internal', 'git.dev.corp.internal'])
  })
})

describe('published ports', () => {
  const ports = [
    { from: 80, to: 80, protocol: 'tcp' },
    { from: 8000, to: 8999, protocol: 'tcp' },
    { from: 53, to: 53, protocol: 'udp' },
  ] as const
  const table: readonly [number, 'tcp' | 'udp', boolean][] = [
    [80, 'tcp', true],
    [80, 'udp', false],
    [7999, 'tcp', false],
    [8000, 'tcp', true],
    [8999, 'tcp', true],
    [9000, 'tcp', false],
    [53, 'udp', true],
  ]
  for (const [port, protocol, expected] of table) {
    it(`${expected ? 'has' : 'lacks'} ${protocol} ${port}`, () =>
      assert.equal(publishes(ports, port, protocol), expected))
  }
})
