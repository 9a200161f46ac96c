import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Waiting } from '../../tunnel/relay/waiting.ts'
import { pattern } from './doubles.ts'

test('frames come out in their order, each with how far the flow was relayed with it', () => {
  const size = fc.oneof(fc.integer({ min: 9, max: 60 }), fc.integer({ min: 9, max: 66_000 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 60 }), (steps) => {
      const waiting = new Waiting()
      const source = pattern(66_000 * 60)
      const out: Buffer[] = []
      let at = 0
      const take = () => {
        const block = waiting.take()
        if (block === undefined) return false
        out.push(Buffer.from(block.frames))
        const taken = out.reduce((sum, { length }) => sum + length, 0)
        assert.equal(block.offset, taken, 'it was relayed with the last of these frames')
        block.release()
        return true
      }
      for (const [length, takes] of steps) {
        waiting.add({ bytes: source, start: at, end: at + length, offset: at + length })
        at += length
        if (takes) take()
      }
      assert.equal(waiting.bytes, at - out.reduce((sum, { length }) => sum + length, 0))
      while (take());
      assert.ok(Buffer.concat(out).equals(source.subarray(0, at)))
      assert.ok(waiting.isEmpty)
      assert.equal(waiting.bytes, 0)
    }),
  )
})

test('a thousand small frames wait in a few pieces of memory', () => {
  const waiting = new Waiting()
  const message = pattern(1 << 20)
  for (let i = 0; i < 1000; i++) {
    waiting.add({ bytes: message, start: 9 * i, end: 9 * (i + 1), offset: i + 1 })
  }
  const held = new Set<ArrayBufferLike>()
  for (let block = waiting.take(); block; block = waiting.take()) held.add(block.frames.buffer)
  const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0)
  assert.ok(held.size <= 25, `${held.size} pieces`)
  assert.ok(bytes <= 24_000, `${bytes} bytes for 9,000`)
})

test('what is dropped is gone', () => {
  const waiting = new Waiting()
  waiting.add({ bytes: pattern(100), start: 0, end: 100, offset: 92 })
  waiting.drop()
  assert.ok(waiting.isEmpty)
  assert.equal(waiting.bytes, 0)
  assert.equal(waiting.take(), undefined)
})
