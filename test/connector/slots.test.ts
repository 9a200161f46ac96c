import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Permit, Slots } from '../../connector/slots.ts'
import { turn } from './clock.ts'

const never = new AbortController().signal
const isPermit = (got: Permit | 'full' | undefined): got is Permit => typeof got === 'function'

async function permit(slots: Slots<string>, key: string): Promise<Permit> {
  const got = await slots.take(key, never)
  assert.ok(isPermit(got))
  return got
}

test('a key takes no more than its share, all keys together no more than the whole', async () => {
  const slots = new Slots<string>({ all: 3, each: 2, waiting: 9 })
  await permit(slots, 'a')
  await permit(slots, 'a')
  const third = slots.take('a', never)
  const b = await permit(slots, 'b')
  const fourth = slots.take('b', never)
  assert.deepEqual([slots.heldCount, slots.waitingCount], [3, 2])
  b()
  assert.ok(isPermit(await fourth), 'a has its share, so the free one is for b')
  assert.equal(await Promise.race([third, turn().then(() => 'waits')]), 'waits')
})

test('who waits is served in turn by key, not by who came first', async () => {
  const slots = new Slots<string>({ all: 1, each: 1, waiting: 99 })
  let held = await permit(slots, 'x')
  const served: string[] = []
  for (const key of ['a', 'a', 'a', 'b', 'c']) {
    void slots.take(key, never).then((got) => {
      served.push(key)
      if (isPermit(got)) held = got
    })
  }
  for (let at = 0; at < 5; at++) {
    held()
    await turn()
  }
  assert.deepEqual(served, ['a', 'b', 'c', 'a', 'a'])
})

test('who gives up waiting leaves no trace, and beyond the bound nobody waits', async () => {
  const slots = new Slots<string>({ all: 1, each: 1, waiting: 1 })
  const first = await permit(slots, 'a')
  const abort = new AbortController()
  const waiting = slots.take('a', abort.signal)
  assert.equal(await slots.take('b', never), 'full')
  abort.abort()
  assert.equal(await waiting, undefined)
  assert.equal(slots.waitingCount, 0)
  first()
  first()
  assert.equal(slots.heldCount, 0, 'given back once, however often it is called')
  assert.equal(await slots.take('a', abort.signal), undefined, 'an aborted one takes nothing')
})

test('whatever is taken, given back and given up, the counts are right and nobody waits in vain', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    act: fc.constantFrom('take', 'give', 'leave'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const slots = new Slots<string>({ all: 4, each: 2, waiting: 8 })
      const held: Permit[] = []
      const leavers: AbortController[] = []
      for (const { key, act } of steps) {
        if (act === 'give') held.shift()?.()
        if (act === 'leave') leavers.shift()?.abort()
        if (act === 'take') {
          const abort = new AbortController()
          leavers.push(abort)
          void slots.take(key, abort.signal).then((got) => isPermit(got) && held.push(got))
        }
        for (let at = 0; at < 4; at++) await Promise.resolve()
        assert.equal(slots.heldCount, held.length)
        assert.ok(slots.heldCount <= 4 && slots.waitingCount <= 8)
      }
      while (held.length > 0) {
        held.shift()?.()
        for (let at = 0; at < 4; at++) await Promise.resolve()
      }
      assert.deepEqual([slots.heldCount, slots.waitingCount], [0, 0])
    }),
    { numRuns: 200 },
  )
})
