import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode } from 'dns-packet'
import fc from 'fast-check'
import { AnswerCache, lifeSeconds } from '../../resolver/dns/cache.ts'
import { type Message, readMessage } from '../../resolver/dns/message.ts'
import { isPlainRdata, plainRdata } from '../../resolver/dns/rdata.ts'
import { TYPE, typeName, typeNumber } from '../../resolver/dns/type.ts'

const SOA = {
  type: 'SOA',
  name: 'example.com',
  ttl: 900,
  data: {
    mname: 'ns.example.com',
    rname: 'root.example.com',
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 60,
  },
} as const

const FULL = encode({
  type: 'response',
  id: 7,
  flags: 0x8180,
  questions: [{ type: 'MX', name: 'example.com' }],
  answers: [
    {
      type: 'MX',
      name: 'example.com',
      ttl: 300,
      data: { preference: 5, exchange: 'mx.example.com' },
    },
    { type: 'TXT', name: 'example.com', ttl: 200, data: 'words' },
  ],
  authorities: [SOA],
  additionals: [
    { type: 'A', name: 'mx.example.com', ttl: 100, data: '192.0.2.1' },
    { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as never,
  ],
})

function must(bytes: Uint8Array): Message {
  const message = readMessage(bytes)
  assert.ok(message)
  return message
}

describe('a response message', () => {
  it('is walked whole, with OPT apart', () => {
    const { answers, authority, additional, end } = must(FULL)
    assert.deepEqual(
      answers.map((one) => [one.type, one.ttl]),
      [
        [TYPE.MX, 300],
        [TYPE.TXT, 200],
      ],
    )
    assert.deepEqual([authority.length, additional.length], [1, 1])
    assert.equal(end, FULL.length - 11)
  })

  it('cut at any octet is none', () => {
    for (let end = 0; end < FULL.length; end++) {
      assert.equal(readMessage(FULL.subarray(0, end)), undefined, `cut at ${end}`)
    }
  })

  it('with octets after its end is none', () => {
    assert.equal(readMessage(Buffer.concat([FULL, Buffer.of(0)])), undefined)
  })

  it('of random or altered octets never throws and never reads past the end', () => {
    const altered = fc
      .tuple(fc.nat(FULL.length - 1), fc.nat(255))
      .map(([at, octet]) => Buffer.from(FULL).fill(octet, at, at + 1))
    fc.assert(
      fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        const message = readMessage(bytes)
        for (const record of message?.answers ?? []) {
          assert.ok(record.dataAt + record.dataBytes <= bytes.length)
          plainRdata(record.type, bytes, record.dataAt, record.dataBytes)
        }
        if (message) lifeSeconds(message)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('the data of a record', () => {
  it('has its names written out', () => {
    const [mx] = must(FULL).answers
    const plain = mx && plainRdata(mx.type, FULL, mx.dataAt, mx.dataBytes)
    assert.equal(
      Buffer.from(plain ?? []).toString('latin1'),
      '\x00\x05\x02mx\x07example\x03com\x00',
    )
  })

  for (const [type, data, expected] of [
    ['A', '\x01\x02\x03\x04', true],
    ['A', '\x01\x02\x03', false],
    ['AAAA', '1234567890123456', true],
    ['TXT', '\x05hello\x01x', true],
    ['TXT', '', false],
    ['TXT', '\x05hell', false],
    ['SRV', '\x00\x00\x00\x00\x00\x50\x01a\x00', true],
    ['SRV', '\x00\x00\x00\x00\x00\x50\xc0\x00', false],
    ['MX', '\x00\x05', false],
    ['CNAME', '\x01a\x00x', false],
    ['NAPTR', '\x00\x01\x00\x02\x01U\x03sip\x00\x01a\x00', true],
    ['TYPE65280', 'anything', true],
  ] as const) {
    it(`${JSON.stringify(data)} is ${expected ? 'a' : 'no'} ${type}`, () => {
      assert.equal(isPlainRdata(typeNumber(type) ?? 0, Buffer.from(data, 'latin1')), expected)
    })
  }
})

describe('a type', () => {
  it('has a mnemonic or a number, both ways', () => {
    assert.equal(typeNumber('srv'), 33)
    assert.equal(typeName(33), 'SRV')
    assert.equal(typeName(65280), 'TYPE65280')
    assert.equal(typeNumber('TYPE65280'), 65280)
    assert.equal(typeNumber('TYPE65536'), undefined)
    assert.equal(typeNumber('NONSENSE'), undefined)
  })
})

describe('an answer of another resolver', () => {
  const response = (parts: object, rcode = 0) =>
    must(
      encode({
        type: 'response',
        questions: [{ type: 'A', name: 'x.com' }],
        ...parts,
        flags: 0x180 | rcode,
      }),
    )
  const a = (ttl: number) => ({ type: 'A', name: 'x.com', ttl, data: '192.0.2.1' }) as const

  it('lives as long as its shortest TTL', () => {
    assert.equal(lifeSeconds(response({ answers: [a(300), a(60)] })), 60)
    assert.equal(lifeSeconds(response({ answers: [a(999_999)] })), 3600)
    assert.equal(lifeSeconds(response({ answers: [a(0x80000001)] })), 0)
  })

  it('that says no lives as long as its SOA says, and not without one', () => {
    assert.equal(lifeSeconds(response({ authorities: [SOA] }, 3)), 60)
    assert.equal(lifeSeconds(response({}, 3)), 0)
    assert.equal(lifeSeconds(response({ answers: [a(60)] }, 2)), 0)
  })

  it('is kept with its age, until it is over or the clock is set back', () => {
    const cache = new AnswerCache()
    cache.keep('key', response({ answers: [a(60)] }), 1000)
    assert.equal(cache.find('key', 31_000)?.ageSeconds, 30)
    assert.equal(cache.find('other', 31_000), undefined)
    assert.equal(cache.find('key', 61_000), undefined)
    cache.keep('key', response({ answers: [a(60)] }), 1000)
    assert.equal(cache.find('key', 999), undefined)
  })

  it('makes room for newer ones, the longest unused first', () => {
    const cache = new AnswerCache()
    for (let i = 0; i < 2000; i++) cache.keep(`key ${i}`, response({ answers: [a(60)] }), 0)
    assert.ok(cache.find('key 0', 1))
    cache.keep('one more', response({ answers: [a(60)] }), 0)
    assert.ok(cache.find('key 0', 1))
    assert.equal(cache.find('key 1', 1), undefined)
  })
})
