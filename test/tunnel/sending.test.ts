import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Sending } from '../../tunnel/endpoint/sending.ts'
import { pattern } from './doubles.ts'

function takeAll(sending: Sending): Buffer {
  const bytes = Buffer.alloc(sending.sendableBytes)
  sending.take(bytes, 0, bytes.length)
  return bytes
}

test('nothing is sent beyond the credit', () => {
  const sending = new Sending(2000)
  sending.write(pattern(9000))
  assert.equal(sending.sendableBytes, 2000)
  assert.deepEqual(takeAll(sending), pattern(9000).subarray(0, 2000))
  assert.equal(sending.sendableBytes, 0)
  sending.credit(2000, 3500)
  assert.equal(sending.sendableBytes, 1500)
})

test('credit for a few bytes of many is saved up, unless it has waited long enough', () => {
  const sending = new Sending(2000)
  sending.write(pattern(9000))
  takeAll(sending)
  for (let limit = 2001; limit <= 3023; limit++) {
    sending.credit(2000, limit)
    assert.equal(sending.sendableBytes, 0, `${limit}`)
  }
  sending.credit(2000, 3024)
  assert.equal(sending.sendableBytes, 1024)
  takeAll(sending)
  assert.equal(sending.hurry(), false, 'there is none')
  sending.credit(2000, 3025)
  assert.equal(sending.hurry(), true)
  assert.equal(sending.sendableBytes, 1)
  takeAll(sending)
  sending.credit(2000, 3026)
  assert.equal(sending.sendableBytes, 0, 'once')
})

test('after a rewind the same bytes are sent again from there, up to the new limit', () => {
  const source = pattern(20_000)
  const sending = new Sending(20_000)
  for (let at = 0; at < 20_000; at += 500) sending.write(source.subarray(at, at + 500))
  sending.finish()
  takeAll(sending)
  sending.finSent()
  sending.credit(3000, 20_000)
  for (const [received, limit] of [
    [3000, 9000],
    [7777, 12_000],
    [7777, 20_000],
  ] as const) {
    sending.rewind(received, limit)
    assert.equal(sending.isRewound, true)
    assert.equal(sending.nextOffset, received)
    assert.deepEqual(takeAll(sending), source.subarray(received, limit))
    assert.equal(sending.isRewound, false)
  }
  assert.equal(sending.isFinDue, true)
  sending.finSent()
  assert.throws(() => sending.rewind(7776, 20_000), { code: 'protocol-error' })
  assert.throws(() => sending.rewind(20_002, 20_000), { code: 'protocol-error' })
  sending.rewind(20_001, 20_000)
  assert.ok(sending.isDone && !sending.isFinDue && sending.sendableBytes === 0)
})

test('credit that goes down is no credit', () => {
  const sending = new Sending(100)
  sending.credit(0, 50)
  sending.write(pattern(100))
  assert.equal(sending.sendableBytes, 100)
})

test('what was never sent cannot be acknowledged', () => {
  const sending = new Sending(100)
  sending.write(pattern(100))
  assert.throws(() => sending.credit(1, 200), { code: 'protocol-error' })
  takeAll(sending)
  sending.credit(100, 200)
  assert.throws(() => sending.credit(101, 200), { code: 'protocol-error' })
})

test('FIN needs no credit, waits for the last byte and is acknowledged as an offset of its own', () => {
  const sending = new Sending(3000)
  sending.write(pattern(4000))
  sending.finish()
  takeAll(sending)
  assert.equal(sending.isFinDue, false)
  sending.credit(3000, 4000)
  takeAll(sending)
  assert.equal(sending.isFinDue, true)
  sending.finSent()
  sending.credit(4000, 4000)
  assert.equal(sending.isDone, false)
  assert.equal(sending.isWaitingForAck, true)
  sending.credit(4001, 4000)
  assert.equal(sending.isDone, true)
})

test('a small chunk does not keep the slab that it lies in', () => {
  const slab = pattern(65_536)
  const sending = new Sending(1000)
  sending.write(slab.subarray(0, 8))
  slab.fill(0)
  assert.deepEqual(takeAll(sending), pattern(8))
})

test('chunks are freed in order once they are acknowledged, never before', () => {
  const freed: number[] = []
  const sending = new Sending(1_000_000)
  for (let i = 0; i < 5; i++) sending.write(pattern(10_000, i), () => freed.push(i))
  takeAll(sending)
  sending.credit(9_999, 1_000_000)
  assert.deepEqual(freed, [])
  sending.credit(25_000, 1_000_000)
  assert.deepEqual(freed, [0, 1])
  sending.credit(50_000, 1_000_000)
  assert.deepEqual(freed, [0, 1, 2, 3, 4])
})

test('however it is written, taken and acknowledged, the bytes come out equal', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), size: fc.nat(9000) }),
    fc.record({ kind: fc.constant('take' as const), size: fc.nat(20_000) }),
    fc.record({ kind: fc.constant('acknowledge' as const), size: fc.nat(20_000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const source = pattern(9000 * 60)
      const sending = new Sending(30_000)
      const out: Buffer[] = []
      let written = 0
      let acknowledged = 0
      const take = (most: number) => {
        const bytes = Buffer.alloc(Math.min(most, sending.sendableBytes))
        sending.take(bytes, 0, bytes.length)
        out.push(bytes)
      }
      const length = () => out.reduce((sum, bytes) => sum + bytes.length, 0)
      for (const { kind, size } of steps) {
        if (kind === 'write') {
          sending.write(source.subarray(written, written + size))
          written += size
        } else if (kind === 'take') take(size)
        else {
          acknowledged = Math.min(length(), acknowledged + size)
          sending.credit(acknowledged, acknowledged + 30_000)
        }
      }
      sending.credit(length(), 10_000_000)
      take(10_000_000)
      assert.ok(Buffer.concat(out).equals(source.subarray(0, written)))
    }),
    { numRuns: 200 },
  )
})
