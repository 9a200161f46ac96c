import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineReader } from '../../process/control/lines.ts'
import { readRequest, readResponse } from '../../process/control/wire.ts'

test('lines come out the same on every split of their bytes', () => {
  const bytes = Buffer.from('{"a":1}\n\n{"b":"ü€"}\r\n{"c":3}\nrest')
  const expected = ['{"a":1}', '{"b":"ü€"}', '{"c":3}']
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const reader = new LineReader(100)
      const pieces = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second),
      ]
      assert.deepEqual(
        pieces.flatMap((piece) => reader.push(piece)),
        expected,
      )
    }
  }
})

test('the bound counts a line without its end, in any pieces', () => {
  for (const step of [1, 3, 10]) {
    const fits = new LineReader(10)
    for (let at = 0; at < 10; at += step) fits.push(Buffer.alloc(Math.min(step, 10 - at), 0x61))
    assert.deepEqual(fits.push(Buffer.from('\n')), ['aaaaaaaaaa'])
    assert.throws(() => new LineReader(10).push(Buffer.alloc(11)), {
      code: 'ERR_CONTROL_LINE_TOO_LONG',
    })
  }
})

test('whatever a line says, reading it gives a variant', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      assert.ok(['call', 'cancel', 'malformed'].includes(readRequest(line).kind))
      assert.ok(['result', 'item', 'done', 'error', 'malformed'].includes(readResponse(line).kind))
    }),
  )
})
