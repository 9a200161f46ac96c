import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ownership } from '../../resolver/catalog.ts'
import { LOOPBACK_RANGE } from '../../resolver/choice.ts'
import type { Upstream } from '../../resolver/dns/forward.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'
import { readMessage } from '../../resolver/dns/message.ts'
import { openLeaseMemory } from '../../resolver/lease-file.ts'
import { Leases } from '../../resolver/leases.ts'
import { makeResolver } from '../../resolver/resolver.ts'
import {
  type AskOptions,
  ask,
  CATALOG,
  owned,
  queryFor,
  type Read,
  replyTo,
  setUp,
} from './setup.ts'

/** What other resolvers would say: one A record of a documentation address. */
function upstream(asked: string[] = [], answers: readonly object[] = PUBLIC): Upstream {
  return {
    ask: async ({ message, end }) => {
      asked.push(Buffer.from(message.subarray(12, end - 5)).toString('latin1'))
      const reply = readMessage(replyTo(Buffer.from(message), answers))
      return reply ? { kind: 'answered', message: reply, ageSeconds: 0 } : { kind: 'silent' }
    },
  }
}
const PUBLIC = [{ type: 'A', name: 'example.com', ttl: 300, data: '192.0.2.80' }]

/** `rcode answers…`, with `soa` where the answer says for how long it is no. */
async function line(read: Promise<Read>): Promise<string> {
  const { rcode, answers, packet } = await read
  const [soa] = packet.authorities ?? []
  const minimum = soa?.type === 'SOA' ? ` soa ${soa.name} ${soa.ttl} ${soa.data.minimum}` : ''
  return `${rcode} ${answers.join(' ')}`.trim() + minimum
}

const NO_DATA = 'NOERROR soa corp.internal 10 10'
const NO_NAME = 'NXDOMAIN soa corp.internal 10 10'

describe('the answer to a question', () => {
  const table: readonly [name: string, type: string, answer: string][] = [
    ['wiki.corp.internal', 'A', 'NOERROR A 198.19.0.2'],
    ['wiki.corp.internal', 'AAAA', 'NOERROR AAAA 2001:2:0:abcd::2'],
    ['WIKI.Corp.INTERNAL', 'A', 'NOERROR A 198.19.0.2'],
    ['wiki.corp.internal', 'HTTPS', NO_DATA],
    ['wiki.corp.internal', 'SVCB', NO_DATA],
    ['_8088._https.wiki.corp.internal', 'HTTPS', NO_DATA],
    ['wiki.corp.internal', 'DS', NO_DATA],
    ['wiki.corp.internal', 'DNSKEY', NO_DATA],
    ['wiki.corp.internal', 'RRSIG', NO_DATA],
    ['wiki.corp.internal', 'NSEC', NO_DATA],
    ['wiki.corp.internal', 'NSEC3', NO_DATA],
    ['wiki.corp.internal', 'ANY', 'NOERROR HINFO {"cpu":"RFC8482","os":""}'],
    ['wiki.corp.internal', 'TYPE252', 'REFUSED'],
    ['wiki.corp.internal', 'OPT', 'REFUSED'],
    ['corp.internal', 'A', NO_DATA],
    ['corp.internal', 'SOA', NO_DATA],
    ['dev.corp.internal', 'AAAA', NO_DATA],
    ['nothing.corp.internal', 'A', NO_NAME],
    ['nothing.corp.internal', 'ANY', NO_NAME],
    ['secret.ci.corp.internal', 'A', NO_NAME],
    ['_ldap._tcp.nothing.corp.internal', 'SRV', NO_NAME],
    ['_ldap._tcp.corp.internal', 'SRV', NO_DATA],
    ['_x.wiki.corp.internal', 'A', NO_DATA],
    ['bank.example', 'DS', 'NOERROR soa bank.example 10 10'],
    ['localhost', 'A', 'NOERROR A 127.0.0.1'],
    ['a.localhost', 'AAAA', 'NOERROR AAAA ::1'],
    ['localhost', 'MX', 'NOERROR soa localhost 10 10'],
    ['use-application-dns.net', 'A', 'NXDOMAIN soa use-application-dns.net 10 10'],
    ['_dns.resolver.arpa', 'SVCB', 'NOERROR soa _dns.resolver.arpa 10 10'],
    ['x.onion', 'A', 'NXDOMAIN soa x.onion 10 10'],
    ['x.invalid', 'A', 'NXDOMAIN soa x.invalid 10 10'],
    ['example.com', 'A', 'NOERROR A 192.0.2.80'],
    ['www.use-application-dns.net', 'A', 'NOERROR A 192.0.2.80'],
    ['example.com', 'ANY', 'NOERROR HINFO {"cpu":"RFC8482","os":""}'],
    ['internal', 'A', 'NOERROR A 192.0.2.80'],
    ['10.0.0.1', 'A', 'NXDOMAIN soa . 10 10'],
  ]
  for (const [name, type, expected] of table) {
    it(`${type} of ${name} is ${expected}`, async () => {
      const { resolver } = setUp({ upstream: upstream() })
      assert.equal(await line(ask(resolver, name, type)), expected)
    })
  }

  it('has the address with a TTL of 60 s and the name’s letters as they were asked', async () => {
    const { resolver } = setUp()
    const { packet } = await ask(resolver, 'wIkI.cOrP.internal', 'A')
    assert.partialDeepStrictEqual(packet.answers, [{ name: 'wIkI.cOrP.internal', ttl: 60 }])
    assert.equal(packet.questions?.[0]?.name, 'wIkI.cOrP.internal')
  })

  it('never says that it is authentic, whatever was asked for', async () => {
    const { resolver } = setUp({ upstream: upstream() })
    for (const name of ['wiki.corp.internal', 'example.com']) {
      const query = queryFor(name, 'A', { edns: true, dnssecOk: true })
      query[3] = 0x30
      const answer = await resolver.answer(query, 'udp')
      assert.equal((answer?.[3] ?? 0xff) & 0x20, 0)
      assert.equal((answer?.[3] ?? 0) & 0x10, 0x10)
    }
  })

  it('has no EDNS unless the question had, and then 1232 octets', async () => {
    const { resolver } = setUp()
    assert.deepEqual((await ask(resolver, 'wiki.corp.internal', 'A')).packet.additionals, [])
    const { packet } = await ask(resolver, 'wiki.corp.internal', 'A', { edns: true })
    assert.partialDeepStrictEqual(packet.additionals, [{ type: 'OPT', udpPayloadSize: 1232 }])
  })

  it('is refused in any class but IN', async () => {
    const { resolver } = setUp()
    const query = queryFor('version.bind', 'TXT')
    query.writeUInt16BE(3, query.length - 2)
    const answer = await resolver.answer(query, 'udp')
    assert.equal((answer?.[3] ?? 0) & 0xf, 5)
  })
})

describe('the reverse name of a synthetic address', () => {
  it('has the name that holds it, and is never asked of others', async () => {
    const forwarded: string[] = []
    const { resolver } = setUp({ upstream: upstream(forwarded) })
    await ask(resolver, 'wiki.corp.internal', 'A')
    await ask(resolver, 'wiki.corp.internal', 'AAAA')
    const nibbles = `2${'.0'.repeat(15)}.d.c.b.a.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa`
    const lines = [
      await line(ask(resolver, '2.0.19.198.in-addr.arpa', 'PTR')),
      await line(ask(resolver, nibbles, 'PTR')),
      await line(ask(resolver, '9.0.19.198.in-addr.arpa', 'PTR')),
      await line(ask(resolver, '2.0.19.198.in-addr.arpa', 'TXT')),
    ]
    assert.deepEqual(lines, [
      'NOERROR PTR wiki.corp.internal',
      'NOERROR PTR wiki.corp.internal',
      'NXDOMAIN soa 9.0.19.198.in-addr.arpa 10 10',
      'NOERROR soa 2.0.19.198.in-addr.arpa 10 10',
    ])
    assert.deepEqual(forwarded.length, 0)
    await ask(resolver, '8.8.8.8.in-addr.arpa', 'PTR')
    await ask(resolver, '19.198.in-addr.arpa', 'PTR')
    assert.equal(forwarded.length, 2)
  })
})

describe('a name under a wildcard', () => {
  const saying = (resolved: Resolved) => setUp({ askConnector: async () => resolved })

  it('is asked about once, at the connector, for both families', async () => {
    const { resolver, asked, clock } = setUp()
    assert.match(await line(ask(resolver, 'x.ci.corp.internal', 'A')), /A 198\.19\.0\.2$/)
    assert.match(await line(ask(resolver, 'x.ci.corp.internal', 'AAAA')), /AAAA 2001/)
    assert.deepEqual(asked, ['A x.ci.corp.internal'])
    clock.now += 61_000
    await ask(resolver, 'x.ci.corp.internal', 'A')
    assert.equal(asked.length, 2)
  })

  it('is asked about once when many ask at the same moment', async () => {
    const { resolver, asked } = setUp()
    await Promise.all(
      ['A', 'AAAA', 'A', 'A'].map((type) => ask(resolver, 'x.ci.corp.internal', type)),
    )
    assert.equal(asked.length, 1)
  })

  it('that does not exist is NXDOMAIN at once, for every type, until it may have been made', async () => {
    const { resolver, asked, clock } = saying({ kind: 'absent', ttlSeconds: 86400 })
    for (const type of ['A', 'AAAA', 'TXT']) {
      assert.equal(await line(ask(resolver, 'x.ci.corp.internal', type)), NO_NAME)
    }
    assert.equal(asked.length, 1)
    clock.now += 61_000
    await ask(resolver, 'x.ci.corp.internal', 'A')
    assert.equal(asked.length, 2)
  })

  it('without an address there has none here', async () => {
    const { resolver } = saying({ kind: 'no-data', ttlSeconds: 60 })
    assert.equal(await line(ask(resolver, 'x.ci.corp.internal', 'A')), NO_DATA)
  })

  it('that this person may not reach gets its address: the gate will say why', async () => {
    const { resolver } = saying({ kind: 'refused', ttlSeconds: 0, reason: 'no rule' })
    assert.match(await line(ask(resolver, 'x.ci.corp.internal', 'A')), /^NOERROR A 198/)
  })

  for (const [what, askConnector] of [
    ['fails', async () => ({ kind: 'failed', ttlSeconds: 0, reason: 'no connector' }) as const],
    ['rejects', () => Promise.reject(new Error('no connector'))],
  ] as const) {
    it(`is SERVFAIL with the reason while the asking ${what}, and asked again`, async () => {
      const { resolver, asked } = setUp({ askConnector })
      const { rcode, ede } = await ask(resolver, 'x.ci.corp.internal', 'A', { edns: true })
      assert.deepEqual([rcode, ede], ['SERVFAIL', '22 no connector'])
      await ask(resolver, 'x.ci.corp.internal', 'A')
      assert.equal(asked.length, 2)
    })
  }

  it('is SERVFAIL when the connector never answers', async () => {
    const { resolver } = setUp({ askConnector: () => new Promise(() => {}), askTimeoutMs: 20 })
    const { rcode, ede } = await ask(resolver, 'x.ci.corp.internal', 'A', { edns: true })
    assert.deepEqual([rcode, ede], ['SERVFAIL', '22 the connector did not answer in time'])
  })

  it('is never asked about more than 256 times at once', async () => {
    const { resolver, asked } = setUp({
      askConnector: () => new Promise(() => {}),
      askTimeoutMs: 50,
    })
    const all = await Promise.all(
      Array.from({ length: 300 }, (_, i) => ask(resolver, `x${i}.ci.corp.internal`, 'A')),
    )
    assert.equal(asked.length, 256)
    assert.ok(all.every(({ rcode }) => rcode === 'SERVFAIL'))
  })
})

describe('records of an owned name', () => {
  const record = (type: string, data: string, name = 'wiki.corp.internal') => ({
    name,
    type,
    ttl: 120,
    dataBase64: Buffer.from(data, 'latin1').toString('base64'),
  })
  const saying = (resolved: Partial<Resolved>) =>
    setUp({ askConnector: async () => ({ kind: 'exists', ttlSeconds: 60, ...resolved }) })

  it('come from the connector, whatever their type', async () => {
    const { resolver, asked } = saying({ records: [record('TXT', '\x05hello')] })
    const { answers, packet } = await ask(resolver, 'wiki.corp.internal', 'TXT')
    assert.equal(packet.answers?.[0]?.type, 'TXT')
    assert.equal(answers.length, 1)
    for (const type of ['SRV', 'MX', 'NS', 'CNAME', 'SOA', 'NAPTR', 'CAA']) {
      await ask(resolver, 'wiki.corp.internal', type)
    }
    assert.deepEqual(
      asked,
      ['TXT', 'SRV', 'MX', 'NS', 'CNAME', 'SOA', 'NAPTR', 'CAA'].map(
        (t) => `${t} wiki.corp.internal`,
      ),
    )
  })

  it('of a service are asked about with its labels, owned by the name below them', async () => {
    const name = '_ldap._tcp.wiki.corp.internal'
    const srv = record('SRV', '\x00\x00\x00\x00\x01\x85\x04wiki\x04corp\x08internal\x00', name)
    const { resolver, asked } = saying({ records: [srv] })
    assert.match(
      await line(ask(resolver, name, 'SRV')),
      /^NOERROR SRV .*"target":"wiki.corp.internal"/,
    )
    assert.deepEqual(asked, [`SRV ${name}`])
  })

  it('may follow a CNAME, and then keep their own owners', async () => {
    const { resolver } = saying({
      records: [
        record('CNAME', '\x03web\x04corp\x08internal\x00'),
        record('TXT', '\x02ok', 'web.corp.internal'),
      ],
    })
    const { packet } = await ask(resolver, 'wiki.corp.internal', 'TXT')
    assert.deepEqual(
      packet.answers?.map((one) => one.name),
      ['wiki.corp.internal', 'web.corp.internal'],
    )
  })

  for (const [what, records] of [
    ['are about another name', [record('TXT', '\x02ok', 'git.dev.corp.internal')]],
    ['are of another type', [record('A', '\x7f\x00\x00\x01')]],
    ['hold a compression pointer', [record('MX', '\x00\x05\xc0\x0c')]],
    ['are cut short', [record('TXT', '\x05he')]],
    ['are of no type', [record('NONSENSE', 'x')]],
    ['are none', []],
    ['are too many', Array.from({ length: 65 }, () => record('TXT', '\x02ok'))],
  ] as const) {
    it(`are SERVFAIL when those sent ${what}`, async () => {
      const { resolver } = saying({ records })
      const type = what.includes('pointer') ? 'MX' : 'TXT'
      assert.equal(await line(ask(resolver, 'wiki.corp.internal', type)), 'SERVFAIL')
    })
  }

  it('that are not there are NODATA, since the name itself has an address', async () => {
    const { resolver } = saying({ kind: 'absent' })
    assert.equal(await line(ask(resolver, 'wiki.corp.internal', 'MX')), NO_DATA)
    assert.equal(await line(ask(resolver, '_x._tcp.wiki.corp.internal', 'SRV')), NO_NAME)
  })

  it('that the gate refuses are none, with the reason', async () => {
    const { resolver } = saying({ kind: 'refused', reason: 'no rule allows it' })
    const { rcode, answers, ede } = await ask(resolver, 'wiki.corp.internal', 'MX', { edns: true })
    assert.deepEqual([rcode, answers, ede], ['NOERROR', [], '18 no rule allows it'])
  })

  it('that do not fit are cut over UDP, not over TCP', async () => {
    const records = Array.from({ length: 20 }, () => record('TXT', `\x64${'t'.repeat(100)}`))
    const { resolver } = saying({ records })
    for (const options of [{}, { edns: true }] satisfies AskOptions[]) {
      const { truncated, answers } = await ask(resolver, 'wiki.corp.internal', 'TXT', options)
      assert.deepEqual([truncated, answers], [true, []])
    }
    const whole = await resolver.answer(queryFor('wiki.corp.internal', 'TXT'), 'tcp')
    const message = whole && readMessage(whole)
    assert.equal(message?.answers.length, 20)
  })
})

describe('a resolver without a valid catalogue', () => {
  it('says SERVFAIL for what is ours and asks nobody else', async () => {
    const forwarded: string[] = []
    const { resolver, ownership } = setUp({ upstream: upstream(forwarded) })
    ownership.suspend('signed out: byname login')
    for (const name of ['wiki.corp.internal', 'nothing.corp.internal', 'www.bank.example']) {
      const { rcode, ede } = await ask(resolver, name, 'A', { edns: true })
      assert.deepEqual([rcode, ede], ['SERVFAIL', '14 signed out: byname login'])
    }
    assert.deepEqual(forwarded, [])
    assert.equal(await line(ask(resolver, 'example.com', 'A')), 'NOERROR A 192.0.2.80')
  })
})

describe('a strict resolver', () => {
  it('knows no name but byname’s', async () => {
    const { resolver } = setUp()
    const { rcode, ede } = await ask(resolver, 'example.com', 'A', { edns: true })
    assert.deepEqual([rcode, ede], ['NXDOMAIN', '18 only the names of byname are served here'])
    assert.match(await line(ask(resolver, 'wiki.corp.internal', 'A')), /^NOERROR/)
  })
})

describe('a blocked name', () => {
  it('is NXDOMAIN with the rule where the admin set dns-block', async () => {
    const entries = [{ ...owned('ads.example'), blockedBy: 'no-ads' }]
    const ownership = new Ownership({ kept: { zones: [], entries } })
    const { resolver } = setUp({ ownership, upstream: upstream() })
    const { rcode, ede } = await ask(resolver, 'ads.example', 'A', { edns: true })
    assert.deepEqual([rcode, ede], ['NXDOMAIN', '15 rule no-ads blocks it'])
  })
})

describe('a range', () => {
  it('without IPv6 answers AAAA with NODATA and A with an address', async () => {
    const leases = new Leases(openLeaseMemory(), LOOPBACK_RANGE)
    const { resolver } = setUp({ leases })
    assert.equal(await line(ask(resolver, 'wiki.corp.internal', 'AAAA')), NO_DATA)
    assert.equal(await line(ask(resolver, 'wiki.corp.internal', 'A')), 'NOERROR A 127.80.0.2')
  })

  it('that is exhausted gives SERVFAIL, never somebody else’s address', async () => {
    const entries = Array.from({ length: 14 }, (_, i) => owned(`n${i}.corp.internal`))
    const ownership = new Ownership({ kept: { zones: ['corp.internal'], entries } })
    const { SyntheticRange } = await import('../../resolver/range.ts')
    const v4 = new SyntheticRange('198.19.0.0/28')
    const leases = new Leases(openLeaseMemory(), { class: 'public', v4 })
    const { resolver } = setUp({ ownership, leases })
    const reads = await Promise.all(
      entries.map(({ pattern }) => ask(resolver, pattern, 'A', { edns: true })),
    )
    assert.equal(new Set(reads.flatMap(({ answers }) => answers)).size, 13)
    const { rcode, ede } = reads.at(-1) ?? {}
    assert.deepEqual([rcode, ede], ['SERVFAIL', '0 all 13 synthetic addresses are in use'])
  })
})

describe('an answer of another resolver', () => {
  it('comes with the asker’s id, question and EDNS', async () => {
    const { resolver } = setUp({ upstream: upstream() })
    const options = { id: 99, edns: true }
    const { packet, answers } = await ask(resolver, 'Example.COM', 'A', options)
    assert.equal(packet.id, 99)
    assert.equal(packet.questions?.[0]?.name, 'Example.COM')
    assert.deepEqual(answers, ['A 192.0.2.80'])
    assert.partialDeepStrictEqual(packet.additionals, [{ type: 'OPT', udpPayloadSize: 1232 }])
  })

  it('is cut where it does not fit', async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({
      type: 'A',
      name: 'example.com',
      ttl: 300,
      data: `192.0.2.${i}`,
    }))
    const { resolver } = setUp({ upstream: upstream([], many) })
    const { truncated, answers } = await ask(resolver, 'example.com', 'A')
    assert.deepEqual([truncated, answers], [true, []])
    const whole = await resolver.answer(queryFor('example.com', 'A'), 'tcp')
    const message = whole && readMessage(whole)
    assert.equal(message?.answers.length, 60)
  })

  for (const [type, data] of [
    ['A', '198.19.0.2'],
    ['AAAA', '2001:2:0:abcd::2'],
    ['AAAA', '::ffff:198.19.0.2'],
  ]) {
    it(`with ${type} ${data} is DNS rebinding onto a private app, and refused`, async () => {
      const records = [...PUBLIC, { type, name: 'example.com', ttl: 1, data }]
      const { resolver } = setUp({ upstream: upstream([], records) })
      const { rcode, ede } = await ask(resolver, 'example.com', 'A', { edns: true })
      assert.equal(rcode, 'SERVFAIL')
      assert.match(ede ?? '', /^17 /)
    })
  }

  it('is SERVFAIL with the reason where there is none', async () => {
    for (const kind of ['silent', 'loop', 'none', 'busy'] as const) {
      const { resolver } = setUp({ upstream: { ask: async () => ({ kind }) } })
      const { rcode, ede } = await ask(resolver, 'example.com', 'A', { edns: true })
      assert.equal(rcode, 'SERVFAIL')
      assert.ok(ede, kind)
    }
  })
})

describe('a fault of ours', () => {
  it('is SERVFAIL for the asker and told to whoever wants to know', async () => {
    const faults: unknown[] = []
    const { ownership, leases } = setUp()
    const resolver = makeResolver({
      ownership,
      leases,
      clock: Date.now,
      askConnector: () => {
        throw new Error('a mistake')
      },
      onFault: (error) => faults.push(error),
    })
    assert.equal(await line(ask(resolver, 'x.ci.corp.internal', 'A')), 'SERVFAIL')
    assert.equal(faults.length, 1)
    assert.equal(CATALOG.zones.length, 1)
  })
})
