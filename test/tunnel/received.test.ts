import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOffset } from '../../tunnel/frames/bytes.ts'
import { Decoder } from '../../tunnel/frames/decoder.ts'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { pattern, type TestLink } from './doubles.ts'
import { House } from './house.ts'

const KIB = 1024
const RECEIVED = { features: ['received'] }

/** What one side of a wire hears: bytes in all, and what the other side tells of its own reading. */
function listen(link: TestLink) {
  const heard = { bytes: 0, told: [] as number[] }
  const { onMessage } = link
  const decoder = new Decoder((type, _stream, bytes, start) => {
    if (type === TYPE.RECEIVED) heard.told.push(readOffset(bytes, start))
  })
  link.onMessage = (message) => {
    heard.bytes += message.length
    decoder.push(new Uint8Array(message))
    onMessage?.(message)
  }
  return heard
}

/** A house whose client's wire is listened to from its beginning. */
function listenedHouse(options = RECEIVED) {
  const house = new House(options)
  const atClient = listen(house.clientWire.a)
  const atEdge = listen(house.clientWire.b)
  return { house, atClient, atEdge }
}

test('each side tells what it has read, the last of it after a while, and then is silent', () => {
  const { house, atClient, atEdge } = listenedHouse()
  const { near, far, atFar } = house.join()
  atFar.onData = (chunk) => far.consumed(chunk.length)
  for (let i = 0; i < 20; i++) {
    near.write(pattern(50_000))
    house.settle()
    house.clock.advance(4)
  }
  assert.ok(atClient.told.length >= 19, `${atClient.told.length} tellings of a megabyte`)
  house.clock.advance(10)
  house.settle()
  const [last = 0, before] = [atClient.told.at(-1), atEdge.bytes]
  assert.ok(before - last < 4 * KIB, `${last} of ${before} bytes are told`)
  for (let i = 0; i < 100; i++) {
    house.clock.advance(20)
    house.settle()
  }
  assert.equal(atClient.told.at(-1), last)
  assert.equal(atEdge.bytes, before)
})

test('without the feature nothing is told, and what is told is ignored', () => {
  const { house, atClient } = listenedHouse({ features: [] })
  const { near } = house.join()
  near.write(pattern(200_000))
  house.settle()
  house.clock.advance(100)
  house.settle()
  assert.deepEqual(atClient.told, [])
})

test('no more is on its way than the other end has told of and the limit', () => {
  const { house, atEdge } = listenedHouse()
  const { near } = house.join()
  house.clock.advance(10)
  house.settle()
  const before = atEdge.bytes
  house.clientWire.a.onMessage = () => {}
  near.write(pattern(250_000))
  house.settle()
  const onItsWay = atEdge.bytes - before
  assert.ok(onItsWay <= 144 * KIB && onItsWay > 100 * KIB, `${onItsWay} bytes`)
})

test('what is told lets more out', () => {
  const { house, atEdge } = listenedHouse()
  const { near, far, atFar } = house.join()
  atFar.onData = (chunk) => far.consumed(chunk.length)
  const before = atEdge.bytes
  for (let i = 0; i < 40; i++) {
    near.write(pattern(100_000))
    for (let turns = 0; turns < 20; turns++) {
      house.settle()
      house.clock.advance(1)
    }
  }
  assert.ok(atEdge.bytes - before > 4_000_000, `${atEdge.bytes - before} bytes`)
})
