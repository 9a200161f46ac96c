import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readName } from '../../resolver/dns/name.ts'
import { readQuestion } from '../../resolver/dns/question.ts'
import { queryFor, setUp } from './setup.ts'

const QUERY = queryFor('wiki.corp.internal', 'A', { edns: true })
const NAME_END = 12 + 20

/** The query with some octets overwritten. */
function patched(at: number, ...octets: number[]): Buffer {
  const copy = Buffer.from(QUERY)
  copy.set(octets, at)
  return copy
}

function outcome(message: Uint8Array): string | number {
  const read = readQuestion(message)
  return read.kind === 'error' ? read.rcode : read.kind
}

describe('a query message', () => {
  it('is read without moving its octets', () => {
    const read = readQuestion(QUERY)
    assert.ok(read.kind === 'question')
    const { message, id, type, nameEnd, end, edns } = read.question
    assert.equal(message, QUERY)
    assert.deepEqual([id, type, nameEnd, end], [4711, 1, NAME_END, NAME_END + 4])
    assert.deepEqual(edns, { udpBytes: 1232, dnssecOk: false })
  })

  const table: readonly [what: string, message: Uint8Array, expected: string | number][] = [
    ['shorter than a header', QUERY.subarray(0, 11), 'silence'],
    ['empty', new Uint8Array(0), 'silence'],
    ['a response', patched(2, 0x81), 'silence'],
    ['an update', patched(2, 0x28), 4],
    ['a notify', patched(2, 0x20), 4],
    ['without a question', patched(4, 0, 0), 1],
    ['with two questions', patched(4, 0, 2), 1],
    ['with 65535 questions', patched(4, 255, 255), 1],
    ['with an answer', patched(6, 0, 1), 1],
    ['with an authority', patched(8, 0, 1), 1],
    ['with fewer records than it says', patched(10, 0, 2), 1],
    ['with more records than it says', patched(10, 0, 0), 1],
    ['with a pointer for a name', patched(12, 0xc0, 0x0c), 1],
    ['with a label of a reserved kind', patched(12, 0x44), 1],
    ['with a label of 64 octets', patched(12, 0x40), 1],
    ['with a label over the end', patched(12, 63), 1],
    ['with an OPT that is not the root’s', patched(NAME_END + 4, 1), 1],
    ['with an option over the end', patched(NAME_END + 4 + 9, 0, 9), 1],
    ['with another EDNS version', patched(NAME_END + 4 + 6, 1), 16],
  ]
  for (const [what, message, expected] of table) {
    it(`${what} gives ${expected}`, () => assert.equal(outcome(message), expected))
  }

  it('with two OPT records gives FORMERR', () => {
    const opt = QUERY.subarray(NAME_END + 4)
    assert.equal(outcome(Buffer.concat([patched(11, 2), opt])), 1)
  })

  it('with a name of 256 octets gives FORMERR, of 255 a question', () => {
    const label = Buffer.concat([Buffer.of(62), Buffer.alloc(62, 0x61)])
    const named = (last: number) => {
      const tail = Buffer.concat([
        Buffer.of(last),
        Buffer.alloc(last, 0x61),
        Buffer.of(0, 0, 1, 0, 1),
      ])
      return Buffer.concat([patched(11, 0).subarray(0, 12), label, label, label, label, tail])
    }
    assert.equal(outcome(named(1)), 'question')
    assert.equal(outcome(named(2)), 1)
  })

  it('cut at any octet is an error or silence, never a question', () => {
    for (let end = 0; end < QUERY.length; end++) {
      assert.notEqual(outcome(QUERY.subarray(0, end)), 'question', `cut at ${end}`)
    }
  })

  it('of random octets never throws, and is answered with its own id if at all', async () => {
    const { resolver } = setUp()
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(QUERY.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }))
        .map(([at, octets]) => patched(Math.min(at, QUERY.length - octets.length), ...octets)),
    )
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        const answer = await resolver.answer(bytes, 'udp')
        if (answer === undefined) return
        assert.deepEqual([...answer.subarray(0, 2)], [...bytes.subarray(0, 2)])
        assert.equal((answer[2] ?? 0) & 0x80, 0x80)
        assert.ok(answer.length <= 1232)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a name on the wire', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1')

  it('follows pointers backwards', () => {
    const name = readName(bytes('\x03com\x00\x07example\xc0\x00\x03www\xc0\x05'), 15)
    assert.deepEqual(
      name?.labels.map(String),
      ['www', 'example', 'com'].map((l) => String(bytes(l))),
    )
    assert.equal(name?.end, 21)
  })

  for (const [what, text, at] of [
    ['points at itself', '\xc0\x00', 0],
    ['points forward', '\xc0\x02\x00', 0],
    ['points in a circle', '\x01a\xc0\x04\x01b\xc0\x00', 4],
    ['points behind where it began', '\x01a\xc0\x00', 0],
    ['ends within a label', '\x05ab', 0],
    ['ends within a pointer', '\xc0', 0],
    ['has no end', '\x01a', 0],
  ] as const) {
    it(`is none when it ${what}`, () => assert.equal(readName(bytes(text), at), undefined))
  }

  it('is none when pointers make it longer than 255 octets', () => {
    const label = `\x3f${'a'.repeat(63)}`
    const long = bytes(`${label}${label}${label}\x3d${'b'.repeat(61)}\x00`)
    assert.equal(readName(long, 0)?.labels.length, 4)
    assert.equal(readName(Buffer.concat([long, bytes('\x01x\xc0\x00')]), long.length), undefined)
  })

  it('never throws, wherever reading begins', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(700), (octets, at) => {
        const name = readName(octets, at)
        if (name) assert.ok(name.end <= octets.length && name.labels.length <= 127)
      }),
    )
  })
})
