import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Outbox, SLAB_BYTES, SlabPool } from '../../tunnel/outbox.ts'
import { ManualClock, pattern, TestLink } from './doubles.ts'

interface Changes {
  readonly maxQueuedBytes?: number
  readonly compose?: () => void
  readonly pool?: SlabPool
}

function makeOutbox(changes: Changes = {}) {
  const clock = new ManualClock()
  const link = new TestLink()
  const told = { drained: 0, overflow: 0 }
  const outbox = new Outbox({
    link,
    clock,
    pool: changes.pool ?? new SlabPool(),
    compose: changes.compose ?? (() => {}),
    drained: () => {
      told.drained += 1
    },
    overflow: () => {
      told.overflow += 1
    },
    maxQueuedBytes: changes.maxQueuedBytes ?? 1 << 30,
  })
  return { clock, link, told, outbox }
}

test('the frames of one turn go out in one message, at its end', () => {
  const { clock, link, outbox } = makeOutbox()
  for (let i = 0; i < 10; i++) outbox.append(Uint8Array.of(i))
  assert.equal(link.sent.length, 0)
  clock.turn()
  assert.deepEqual(
    link.sent.map((message) => [...message]),
    [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  )
})

test('one slab at a time is with the link', () => {
  const { clock, link, outbox } = makeOutbox()
  for (let i = 0; i < 40; i++) outbox.append(pattern(16_000))
  clock.turn()
  const first = link.sent.length
  assert.ok(first <= SLAB_BYTES / 16_000)
  clock.turn()
  assert.equal(link.sent.length, first)
  while (link.take());
  assert.equal(outbox.queuedBytes, 0)
  assert.equal(outbox.writtenBytes, 40 * 16_000)
})

test('too much that waits is told at once', () => {
  const { outbox, told } = makeOutbox({ maxQueuedBytes: 1000 })
  outbox.append(new Uint8Array(1000))
  assert.equal(told.overflow, 0)
  outbox.append(new Uint8Array(1))
  assert.equal(told.overflow, 1)
})

test('after close what was there has gone out, and nothing else does', () => {
  const { clock, link, outbox } = makeOutbox()
  outbox.append(Uint8Array.of(1))
  outbox.close()
  outbox.append(Uint8Array.of(2))
  clock.turn()
  assert.deepEqual(
    link.sent.map((message) => [...message]),
    [[1]],
  )
})

test('a slab that waits when its link is gone is given back once: two tunnels never share one', () => {
  const pool = new SlabPool()
  const { clock, link, outbox } = makeOutbox({ pool })
  for (let i = 0; i < 40; i++) outbox.append(pattern(16_000))
  clock.turn()
  link.lose({ code: 'tunnel-lost', reason: '', by: 'network' })
  outbox.close()
  const slabs = Array.from({ length: 16 }, () => pool.take())
  assert.equal(new Set(slabs).size, slabs.length)
})

test('whatever the sizes, order and bytes stay, and messages stay within their size', () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 17_000 }),
    fc.constant(40_000),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 60 }), (steps) => {
      const { clock, link, outbox } = makeOutbox()
      const got: Buffer[] = []
      const take = () => {
        const message = link.take()
        if (message) got.push(Buffer.from(message))
        return message !== undefined
      }
      const source = pattern(60 * 40_004)
      let at = 0
      for (const [length, turn] of steps) {
        outbox.append(source.subarray(at, at + length))
        at += length
        if (turn) {
          clock.turn()
          take()
        }
      }
      while (clock.turn() || take());
      const single = new Set(steps.map(([length]) => length))
      for (const { length } of got) assert.ok(length <= outbox.maxBytes || single.has(length))
      assert.ok(Buffer.concat(got).equals(source.subarray(0, at)))
      assert.equal(outbox.queuedBytes, 0)
      assert.equal(outbox.writtenBytes, outbox.appendedBytes)
    }),
    { numRuns: 200 },
  )
})
