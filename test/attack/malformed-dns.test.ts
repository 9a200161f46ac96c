import assert from 'node:assert/strict'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { FrameReader, frame } from '../../resolver/dns/frames.ts'
import { queryFor, read, serve, setUp } from '../resolver/setup.ts'

/**
 * Attacker: any program that may send packets to the resolver. Wanted: that it throws, hangs, answers
 * the wrong question or answers an answer. Every message here goes to a live listener, over UDP and
 * over TCP; after each the listener must still answer an honest question.
 */
const GOOD = queryFor('wiki.corp.internal', 'A', { id: 0x1234, edns: true })
const NAME_END = 32
const HEAD = GOOD.subarray(0, 12)
const TYPE_AND_CLASS = Buffer.of(0, 1, 0, 1)

const header = (...counts: number[]): Buffer => {
  const bytes = Buffer.from(HEAD)
  for (const [i, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + 2 * i)
  return bytes
}
const plain = (...parts: Uint8Array[]) => Buffer.concat([header(1, 0, 0, 0), ...parts])
const altered = (at: number, ...octets: number[]) => {
  const bytes = Buffer.from(GOOD)
  bytes.set(octets, at)
  return bytes
}
const record = (type: number, data: Buffer, length = data.length) =>
  Buffer.concat([
    Buffer.of(0, type >> 8, type & 255, 4, 0xd0, 0, 0, 0, 0, length >> 8, length & 255),
    data,
  ])
const OPT = record(41, Buffer.alloc(0))

/** Expected: the rcode of the answer, or `silence`. */
const MESSAGES: readonly [what: string, bytes: Buffer, expected: number | 'silence'][] = [
  ['a single octet', Buffer.of(0), 'silence'],
  ['half a header', GOOD.subarray(0, 6), 'silence'],
  ['a header alone, one question promised', Buffer.from(HEAD), 1],
  ['a response', altered(2, 0x81, 0x80), 'silence'],
  ['a response of a response', altered(2, 0xff, 0xff), 'silence'],
  ['opcode 15', altered(2, 0x78), 4],
  ['no question', header(0, 0, 0, 0), 1],
  [
    'two questions, the second another’s',
    Buffer.concat([header(2), GOOD.subarray(12, 36), GOOD.subarray(12, 36)]),
    1,
  ],
  [
    '65535 of everything',
    Buffer.concat([header(65535, 65535, 65535, 65535), GOOD.subarray(12)]),
    1,
  ],
  ['an answer in the question', Buffer.concat([header(1, 1, 0, 0), GOOD.subarray(12, 36), OPT]), 1],
  ['a name that is a pointer to itself', plain(Buffer.of(0xc0, 12), TYPE_AND_CLASS), 1],
  ['a name that points to the header', plain(Buffer.of(0xc0, 0), TYPE_AND_CLASS), 1],
  ['a name that points past the end', plain(Buffer.of(0xff, 0xff), TYPE_AND_CLASS), 1],
  ['labels that end in a pointer loop', plain(Buffer.of(1, 97, 0xc0, 12), TYPE_AND_CLASS), 1],
  ['a label of the kind 01', plain(Buffer.of(0x41, 1), TYPE_AND_CLASS), 1],
  ['a label of the kind 10', plain(Buffer.of(0x81, 1), TYPE_AND_CLASS), 1],
  ['a label longer than the message', plain(Buffer.of(63, 97), TYPE_AND_CLASS), 1],
  ['a name without an end', plain(Buffer.of(1, 97, 1, 98)), 1],
  [
    'a name of 256 octets',
    plain(Buffer.alloc(254, '\x01a', 'latin1'), Buffer.of(1, 97, 0), TYPE_AND_CLASS),
    1,
  ],
  [
    'a name of 1,000 empty-looking labels',
    plain(Buffer.alloc(2000, '\x01a', 'latin1'), Buffer.of(0), TYPE_AND_CLASS),
    1,
  ],
  ['no type', GOOD.subarray(0, NAME_END), 1],
  ['half a class', GOOD.subarray(0, NAME_END + 3), 1],
  ['octets after the end', Buffer.concat([GOOD, Buffer.of(0)]), 1],
  ['kilobytes after the end', Buffer.concat([GOOD, Buffer.alloc(3000)]), 1],
  ['two OPT records', Buffer.concat([altered(11, 2), OPT]), 1],
  ['an OPT that has an owner', altered(NAME_END + 4, 1), 1],
  [
    'an option longer than its record',
    Buffer.concat([altered(11, 1).subarray(0, 36), record(41, Buffer.of(0, 10, 255, 255))]),
    1,
  ],
  [
    'a record longer than the message',
    Buffer.concat([altered(11, 1).subarray(0, 36), record(41, Buffer.alloc(0), 500)]),
    1,
  ],
  ['half a record', GOOD.subarray(0, GOOD.length - 4), 1],
  ['more records than there are', altered(10, 255, 255), 1],
  ['EDNS of version 255', altered(NAME_END + 4 + 6, 255), 0],
  ['EDNS that takes 0 octets', altered(NAME_END + 4 + 3, 0, 0), 0],
  ['type 0', altered(NAME_END, 0, 0), 5],
  ['type OPT', altered(NAME_END, 0, 41), 5],
  ['type AXFR', altered(NAME_END, 0, 252), 5],
  ['class ANY', altered(NAME_END + 2, 0, 255), 5],
  ['class 0', altered(NAME_END + 2, 0, 0), 5],
]

interface Way {
  /** What comes back within a moment, if anything. */
  send(bytes: Buffer): Promise<Buffer | undefined>
}

const HONEST_ID = 0x7777
const HONEST = queryFor('wiki.corp.internal', 'A', { id: HONEST_ID })

/**
 * Sends the bytes and then an honest question, and waits for the honest answer: UDP on loopback keeps
 * its order, so an answer to the first would have come before.
 */
function overUdp(t: TestContext, port: number): Way {
  const socket: UdpSocket = createSocket('udp4')
  t.after(() => socket.close())
  return {
    send: async (bytes) => {
      socket.send(bytes, port, '127.0.0.1')
      socket.send(HONEST, port, '127.0.0.1')
      let first: Buffer | undefined
      for (;;) {
        const [answer] = (await once(socket, 'message')) as [Buffer]
        if (isHonest(answer)) return first
        first = answer
      }
    },
  }
}

function overTcp(t: TestContext, port: number): Way {
  return {
    send: async (bytes) => {
      const socket: Socket = connect(port, '127.0.0.1')
      t.after(() => socket.destroy())
      const reader = new FrameReader(65535)
      const messages: Uint8Array[] = []
      socket.write(Buffer.concat([frame(bytes), frame(HONEST)]))
      while (!messages.some(isHonest)) {
        const [chunk] = (await once(socket, 'data')) as [Buffer]
        messages.push(...(reader.push(chunk) ?? []))
      }
      socket.destroy()
      const first = messages.find((message) => !isHonest(message))
      return first && Buffer.from(first)
    },
  }
}

function isHonest(answer: Uint8Array): boolean {
  if (answer[0] !== HONEST_ID >> 8 || answer[1] !== (HONEST_ID & 255)) return false
  assert.deepEqual(read(answer).answers, ['A 198.19.0.2'])
  return true
}

for (const [via, wayOver] of [
  ['UDP', overUdp],
  ['TCP', overTcp],
] as const) {
  describe(`malformed DNS over ${via}`, () => {
    for (const [what, bytes, expected] of MESSAGES) {
      it(`${what} gives ${expected}, and the next question its answer`, async (t) => {
        const { resolver } = setUp()
        const { port } = await serve(t, resolver)
        const answer = await wayOver(t, port).send(bytes)
        if (expected === 'silence') {
          assert.equal(answer, undefined)
          return
        }
        assert.equal(answer?.readUInt16BE(0), 0x1234)
        assert.equal((answer?.[2] ?? 0) & 0x80, 0x80)
        assert.equal((answer?.[3] ?? 0xff) & 0xf, expected)
      })
    }

    it('random octets end nothing, and no answer has another’s id', async (t) => {
      const { resolver } = setUp()
      const { port } = await serve(t, resolver)
      const way = wayOver(t, port)
      const octets = fc.uint8Array({ minLength: 1, maxLength: 200 })
      const mutant = fc
        .array(fc.tuple(fc.nat(GOOD.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
        .map((changes) =>
          changes.reduce((bytes, [at, octet]) => bytes.fill(octet, at, at + 1), Buffer.from(GOOD)),
        )
      await fc.assert(
        fc.asyncProperty(fc.oneof(octets, mutant), async (bytes) => {
          const answer = await way.send(Buffer.from(bytes))
          if (answer) assert.deepEqual([answer[0], answer[1]], [bytes[0], bytes[1]])
        }),
        { numRuns: 300 },
      )
    })
  })
}

describe('hostile peers of the listener', () => {
  it('that flood it with garbage do not keep others from being answered', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    const flood = createSocket('udp4')
    t.after(() => flood.close())
    for (let i = 0; i < 5000; i++) flood.send(Buffer.alloc(i % 1400, i), port, '127.0.0.1')
    const honest = createSocket('udp4')
    t.after(() => honest.close())
    // The kernel drops what its buffer cannot hold, so an honest program asks again.
    const again = setInterval(() => honest.send(HONEST, port, '127.0.0.1'), 20)
    t.after(() => clearInterval(again))
    const [answer] = (await once(honest, 'message')) as [Buffer]
    assert.ok(isHonest(answer))
  })

  it('that reset their connections amid an answer end nothing', async (t) => {
    const { resolver } = setUp({
      askConnector: async () => {
        await new Promise((done) => setTimeout(done, 10))
        return { kind: 'exists', ttlSeconds: 60 }
      },
    })
    const { port } = await serve(t, resolver)
    await resolver.answer(HONEST, 'udp')
    for (let i = 0; i < 50; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(frame(queryFor(`x${i}.ci.corp.internal`, 'A')))
      setTimeout(() => socket.resetAndDestroy(), i % 20)
    }
    await new Promise((done) => setTimeout(done, 60))
    assert.equal(await overTcp(t, port).send(Buffer.of(0)), undefined)
  })

  it('cannot make it talk to itself: its own answers are met with silence', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    const answer = await resolver.answer(GOOD, 'udp')
    assert.ok(answer)
    assert.equal(await overUdp(t, port).send(Buffer.from(answer)), undefined)
  })
})
