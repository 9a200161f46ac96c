import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { bytesOf, decode, encode, meaningOf, type Vector, vectors } from './vectors.ts'

const good = vectors.filter(({ means }) => means !== undefined)
const bad = vectors.filter(({ error }) => error !== undefined)

test('every frame of the protocol has a vector', () => {
  const named = new Set(good.map(({ type }) => type))
  const missing = Object.keys(TYPE).filter((name) => !named.has(name as never))
  assert.deepEqual(missing, [])
})

for (const vector of good) {
  test(`${vector.file}: ${vector.name}`, () => {
    const { frames, heldBytes } = decode([bytesOf(vector)])
    assert.equal(heldBytes, 0)
    assert.equal(frames.length, 1)
    const [frame] = frames
    assert.ok(frame && vector.type)
    assert.equal(frame.type, TYPE[vector.type])
    assert.equal(frame.stream, vector.stream)
    assert.deepEqual({ ...meaningOf(frame, vector.role) }, vector.means)
    const written = vector.oneWay ? undefined : encode(vector)
    if (written) assert.deepEqual(new Uint8Array(written), bytesOf(vector))
  })
}

for (const vector of bad) {
  test(`${vector.file}: ${vector.name}: ${vector.error}`, () => {
    assert.throws(() => decode([bytesOf(vector)]).frames.map((frame) => meaningOf(frame)), {
      name: 'TunnelError',
      code: vector.error,
    })
  })
}

test('an unknown optional frame is skipped, and what follows is read', () => {
  const skipped = vectors.find((vector) => vector.skipped) as Vector
  const ping = vectors.find(({ type }) => type === 'PING') as Vector
  const { frames } = decode([bytesOf(skipped), bytesOf(ping)])
  assert.deepEqual(
    frames.map(({ type }) => type),
    [TYPE.PING],
  )
})
