import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FrameReader, frame } from '../../resolver/dns/frames.ts'
import { type Ask, checkReply, keyOf, makeQuery } from '../../resolver/dns/query.ts'
import { readQuestion } from '../../resolver/dns/question.ts'
import { readResolvConf } from '../../resolver/dns/system.ts'
import { replyTo } from './setup.ts'

const ask = (name: string, more: Partial<Ask> = {}): Ask => ({
  labels: name.split('.').map((label) => Buffer.from(label)),
  type: 1,
  class: 1,
  dnssecOk: false,
  checkingDisabled: false,
  ...more,
})
const A = { type: 'A', name: 'x.example', ttl: 60, data: '192.0.2.1' }

describe('a query to another resolver', () => {
  it('is a well-formed question with its letters’ case mixed', () => {
    const query = makeQuery(ask('www.example.com'), randomBytes)
    const read = readQuestion(query)
    assert.ok(read.kind === 'question')
    assert.equal(read.question.type, 1)
    const text = query.subarray(12, read.question.nameEnd).toString('latin1')
    assert.equal(text.toLowerCase(), '\x03www\x07example\x03com\x00')
  })

  it('has an id and a case that differ from one to the next', () => {
    const queries = Array.from({ length: 50 }, () => makeQuery(ask('www.example.com'), randomBytes))
    assert.ok(new Set(queries.map((query) => query.toString('hex', 0, 2))).size > 40)
    assert.ok(new Set(queries.map((query) => query.toString('latin1', 12, 29))).size > 40)
  })

  it('has one capital at least, or nobody could tell it from a program’s', () => {
    const zeros = (octets: number) => new Uint8Array(octets)
    const query = makeQuery(ask('www.example.com'), zeros)
    assert.match(query.toString('latin1', 12, 29), /[A-Z]/)
    // Nothing to mix: still a query.
    const digits = makeQuery(ask('1.2'), zeros)
    assert.equal(readQuestion(digits).kind, 'question')
  })

  it('shares a key only with a question that has the same answer', () => {
    const key = keyOf(ask('www.example.com'))
    assert.equal(keyOf(ask('WWW.example.COM')), key)
    const others = [
      ask('www.example.net'),
      ask('www.example.com', { type: 28 }),
      ask('www.example.com', { class: 3 }),
      ask('www.example.com', { dnssecOk: true }),
      ask('www.example.com', { checkingDisabled: true }),
    ]
    assert.equal(new Set([key, ...others.map(keyOf)]).size, 6)
    // Octets over 127 are no letters, whatever Latin-1 makes of them.
    const octet = (value: number) => keyOf({ ...ask(''), labels: [Buffer.of(value)] })
    assert.notEqual(octet(0xc0), octet(0xe0))
    // One label with a dot in it is not two labels.
    const dotted = { ...ask(''), labels: [Buffer.from('www.example'), Buffer.from('com')] }
    assert.notEqual(keyOf(dotted), key)
  })
})

describe('what comes back for a query', () => {
  const query = makeQuery(ask('www.example.com'), randomBytes)
  const good = replyTo(query, [A])
  const patched = (change: (reply: Buffer) => void) => {
    const copy = Buffer.from(good)
    change(copy)
    return checkReply(query, copy).kind
  }

  it('is its answer when everything is repeated', () => {
    assert.equal(checkReply(query, good).kind, 'answer')
  })

  const table: readonly [what: string, change: (reply: Buffer) => void][] = [
    ['another id', (reply) => reply.writeUInt16BE(reply.readUInt16BE(0) ^ 1, 0)],
    ['no response flag', (reply) => reply.writeUInt8(reply.readUInt8(2) & 0x7f, 2)],
    ['another opcode', (reply) => reply.writeUInt8(reply.readUInt8(2) | 0x08, 2)],
    ['another name', (reply) => reply.writeUInt8(0x31, 14)],
    ['another type', (reply) => reply.writeUInt16BE(28, 29)],
    ['another class', (reply) => reply.writeUInt16BE(3, 31)],
    ['no question', (reply) => reply.writeUInt16BE(0, 4)],
    ['two questions', (reply) => reply.writeUInt16BE(2, 4)],
    ['more answers than it says', (reply) => reply.writeUInt16BE(0, 6)],
    ['fewer answers than it says', (reply) => reply.writeUInt16BE(2, 6)],
  ]
  for (const [what, change] of table) {
    it(`is foreign with ${what}`, () => assert.equal(patched(change), 'foreign'))
  }

  it('has lost its case when only that differs', () => {
    const folded = (reply: Buffer) =>
      reply.write(reply.toString('latin1', 12, 29).toLowerCase(), 12, 'latin1')
    assert.equal(patched(folded), 'case-lost')
  })

  it('is foreign when cut anywhere, and never makes it throw', () => {
    for (let end = 0; end < good.length; end++) {
      assert.equal(checkReply(query, good.subarray(0, end)).kind, 'foreign', `cut at ${end}`)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        const reply = Buffer.concat([query.subarray(0, 2), octets])
        assert.notEqual(checkReply(query, reply).kind, 'answer')
      }),
    )
  })
})

describe('messages on a TCP stream', () => {
  it('come out whole however the stream is split', () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 })
    fc.assert(
      fc.property(messages, fc.array(fc.nat(200)), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(frame))
        const reader = new FrameReader(64)
        const got: Uint8Array[] = []
        const points = [0, ...cuts.filter((cut) => cut < stream.length), stream.length]
        points.sort((a, b) => a - b)
        for (const [i, point] of points.entries()) {
          got.push(...(reader.push(stream.subarray(points[i - 1] ?? 0, point)) ?? []))
        }
        assert.deepEqual(
          got.map((one) => [...one]),
          sent.map((one) => [...one]),
        )
        assert.equal(reader.isBetweenMessages, true)
      }),
    )
  })

  it('end at a length of zero or over the bound', () => {
    assert.equal(new FrameReader(64).push(Buffer.of(0, 0)), undefined)
    assert.equal(new FrameReader(64).push(Buffer.of(0, 65)), undefined)
    assert.deepEqual(new FrameReader(64).push(Buffer.of(0, 64)), [])
  })
})

describe('resolv.conf', () => {
  const addresses = (text: string, own: string[] = []) =>
    readResolvConf(text, own).map((server) => `${server.address} ${server.port}`)

  it('names three servers at most, in order', () => {
    const text = [
      '# nameserver 9.9.9.9',
      'search corp.internal',
      'nameserver 192.0.2.1',
      '  nameserver\t2001:db8::1  # trailing',
      'nameserver fe80::1%eth0',
      'nameserver 192.0.2.4',
      'nameservers 192.0.2.5',
    ].join('\n')
    assert.deepEqual(addresses(text), ['192.0.2.1 53', '2001:db8::1 53', 'fe80::1%eth0 53'])
  })

  it('without a server that can be asked means 127.0.0.1, as for libc', () => {
    assert.deepEqual(addresses(''), ['127.0.0.1 53'])
    assert.deepEqual(addresses('nameserver example.com\nnameserver 1.2\nnameserver'), [
      '127.0.0.1 53',
    ])
  })

  it('never leads back to ourselves', () => {
    const text = 'nameserver 198.19.0.1\nnameserver 192.0.2.1'
    assert.deepEqual(addresses(text, ['198.19.0.1']), ['192.0.2.1 53'])
    assert.deepEqual(addresses('', ['127.0.0.1']), [])
  })
})
