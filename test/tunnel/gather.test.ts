import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Gather } from '../../tunnel/gather.ts'
import type { SocketPort } from '../../tunnel/port.ts'
import { pattern } from './doubles.ts'

/** A socket that takes what it is told to take. */
function setUp() {
  const given: { chunk: Uint8Array; written: () => void }[] = []
  let taken = Buffer.alloc(0)
  let hasEnded = false
  const socket = {
    write(chunk: Uint8Array, written: () => void) {
      given.push({ chunk, written })
      return true
    },
    cork() {},
    uncork() {},
    end() {
      hasEnded = true
    },
  } as Partial<SocketPort> as SocketPort
  let consumed = 0
  const gather = new Gather(socket, (bytes) => {
    consumed += bytes
  })
  return {
    gather,
    /** The program reads all that the socket has. */
    read() {
      for (const { chunk, written } of given.splice(0)) {
        taken = Buffer.concat([taken, chunk])
        written()
      }
    },
    held: () => given.reduce((sum, { chunk }) => sum + chunk.buffer.byteLength, 0),
    seen: () => ({ writes: given.length, taken, consumed, hasEnded }),
  }
}

test('a few bytes go at once, and those after them together at the end of the turn', async () => {
  const { gather, read, seen } = setUp()
  const bytes = pattern(30)
  for (let at = 0; at < 30; at += 10) gather.add(bytes.subarray(at, at + 10))
  assert.equal(seen().writes, 1)
  read()
  await nextTurn()
  assert.equal(seen().writes, 1)
  read()
  assert.deepEqual(seen(), { writes: 0, taken: bytes, consumed: 30, hasEnded: false })
})

test('what a link reads into again was copied, whatever its size', async () => {
  for (const size of [1, 500, 8191, 8192, 16_368, 131_072, 300_001]) {
    const { gather, read, seen } = setUp()
    const memory = Buffer.alloc(size)
    const wanted: Buffer[] = []
    for (let turn = 0; turn < 5; turn++) {
      for (let i = 0; i < 4; i++) {
        memory.fill(turn * 4 + i)
        wanted.push(Buffer.from(memory))
        gather.add(memory)
      }
      memory.fill(0xdd)
      await nextTurn()
      if (turn % 2 === 0) read()
    }
    await nextTurn()
    read()
    read()
    assert.ok(seen().taken.equals(Buffer.concat(wanted)), `chunks of ${size}`)
    assert.equal(seen().consumed, size * 20)
  }
})

test('the end comes after all that waits', async () => {
  const { gather, read, seen } = setUp()
  gather.add(pattern(100))
  await nextTurn()
  gather.add(pattern(20_000))
  gather.end()
  assert.ok(seen().hasEnded)
  read()
  assert.equal(seen().taken.length, 20_100)
})

test('a program that does not read costs twice what waits for it, in chunks of any size', async () => {
  for (const size of [1, 1000, 16_368]) {
    const { gather, read, seen } = setUp()
    gather.add(pattern(size))
    await nextTurn()
    const before = process.memoryUsage()
    const chunk = pattern(size)
    const many = Math.ceil(1_000_000 / size)
    for (let i = 0; i < many; i++) {
      gather.add(chunk)
      if (i % 1000 === 0) await nextTurn()
    }
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers
    assert.ok(grown < 2_200_000, `${size}: ${grown} bytes for ${many * size}`)
    assert.equal(seen().writes, 1)
    read()
    read()
    assert.equal(seen().consumed, (many + 1) * size)
  }
})

test('a little bulk is written from memory of its own size', async () => {
  const { gather, held } = setUp()
  gather.add(pattern(9000))
  await nextTurn()
  assert.equal(held(), 9000)
})
