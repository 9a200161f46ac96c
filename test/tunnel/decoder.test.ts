import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TunnelError } from '../../tunnel/codes.ts'
import { Decoder } from '../../tunnel/frames/decoder.ts'
import { HEADER_BYTES, TYPE } from '../../tunnel/frames/frame.ts'
import { makeFrame, pingFrame } from '../../tunnel/frames/write.ts'
import { bytesOf, decode, vectors } from './vectors.ts'

const all = new Uint8Array(
  Buffer.concat(vectors.filter(({ means }) => means !== undefined).map(bytesOf)),
)
const whole = decode([all]).frames

test('every split into two gives the same frames', () => {
  for (let at = 0; at <= all.length; at++) {
    const { frames, heldBytes } = decode([all.subarray(0, at), all.subarray(at)])
    assert.equal(heldBytes, 0)
    assert.equal(frames.length, whole.length)
    assert.deepEqual(frames, whole)
  }
})

test('one byte at a time gives the same frames', () => {
  assert.deepEqual(decode(Array.from(all, (byte) => Uint8Array.of(byte))).frames, whole)
})

test('any split into pieces gives the same frames', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), all.length]
      const pieces = at.slice(1).map((end, i) => all.subarray(at[i], end))
      assert.deepEqual(decode(pieces).frames, whole)
    }),
    { numRuns: 200 },
  )
})

test('every bad vector fails in every split, and never reads on', () => {
  for (const vector of vectors.filter(({ error, hex }) => error && hex.length < 60)) {
    const bytes = bytesOf(vector)
    const outcome = codeOf([bytes])
    for (let at = 1; at < bytes.length; at++) {
      assert.equal(codeOf([bytes.subarray(0, at), bytes.subarray(at)]), outcome, vector.name)
    }
  }
})

test('a frame that is too long is refused at its header, before anything is kept for it', () => {
  const header = makeFrame(TYPE.DATA, 1, 0)
  header.set([0xff, 0xff, 0xff], 1)
  const decoder = new Decoder(() => assert.fail('no frame can come of this'))
  for (const byte of header.subarray(0, HEADER_BYTES - 1)) decoder.push(Uint8Array.of(byte))
  assert.equal(decoder.heldBytes, HEADER_BYTES - 1)
  assert.throws(() => decoder.push(header.subarray(HEADER_BYTES - 1)), { code: 'protocol-error' })
})

test('a decoder with a bound of its own refuses longer frames', () => {
  const decoder = new Decoder(() => {}, 100)
  decoder.push(pingFrame(TYPE.PING, 1))
  assert.throws(() => decoder.push(makeFrame(TYPE.NOTICE, 0, 93)), { code: 'protocol-error' })
})

test('what is handed on stays as it is until its push is over, and in no more memory than two frames', () => {
  const frames = [1, 2, 3, 4, 5].map((n) => new Uint8Array(makeFrame(TYPE.DATA, n, 50).fill(n, 8)))
  const bytes = Buffer.concat(frames)
  const memory = new Set<ArrayBufferLike>()
  for (let step = 1; step <= bytes.length; step++) {
    const seen: Uint8Array[] = []
    const held: Uint8Array[] = []
    const decoder = new Decoder((_type, _stream, from, start, end) => {
      held.push(from.subarray(start - HEADER_BYTES, end))
      memory.add(from.buffer)
    })
    memory.clear()
    for (let at = 0; at < bytes.length; at += step) {
      decoder.push(bytes.subarray(at, at + step))
      seen.push(...held.splice(0).map((frame) => new Uint8Array(frame)))
    }
    assert.deepEqual(seen, frames, `in steps of ${step}`)
    memory.delete(bytes.buffer)
    assert.ok(memory.size <= 4)
  }
})

test('frames that lie whole in a chunk are handed on where they lie', () => {
  const chunk = pingFrame(TYPE.PING, 1)
  const decoder = new Decoder((_type, _stream, bytes, start, end) => {
    assert.equal(bytes, chunk)
    assert.deepEqual([start, end], [HEADER_BYTES, HEADER_BYTES + 8])
  })
  decoder.push(chunk)
})

test('any bytes at all end in frames within their bounds or in a coded error', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(fc.constantFrom(...Object.values(TYPE)), fc.nat(64), fc.nat(3), fc.uint8Array())
      .map(([type, length, stream, body]) =>
        Uint8Array.of(type, 0, 0, length, 0, 0, 0, stream, ...body),
      ),
  )
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (chunks) => {
      const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      try {
        const { frames, heldBytes } = decode(chunks)
        const read = frames.reduce((sum, { body }) => sum + HEADER_BYTES + body.length, heldBytes)
        assert.ok(read <= total)
      } catch (error) {
        assert.ok(error instanceof TunnelError)
      }
    }),
    { numRuns: 3000 },
  )
})

function codeOf(chunks: readonly Uint8Array[]): string {
  try {
    decode(chunks)
    return 'fine'
  } catch (error) {
    return error instanceof TunnelError ? error.code : 'uncoded'
  }
}
