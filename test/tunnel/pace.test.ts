import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../tunnel/pace/pace.ts'
import { Receipts } from '../../tunnel/pace/receipts.ts'
import { median, PacedLine } from './pace-line.ts'

const KIB = 1024

/** What plain TCP brings over an empty line in `ms`: ten packets, then twice as many each round trip. */
function tcpBytes(mbit: number, oneWayMs: number, ms: number): number {
  const perTrip = (mbit * 250 * oneWayMs) | 0
  let [bytes, window, at] = [0, 14_600, oneWayMs]
  while (at < ms && window < perTrip) {
    bytes += window
    window *= 2
    at += 2 * oneWayMs
  }
  return bytes + Math.max(0, ms - at) * mbit * 125
}

for (const oneWayMs of [1, 20, 100]) {
  for (const mbit of [5, 20, 100, 1000]) {
    test(`${mbit} Mbit/s, ${oneWayMs} ms: full as soon as with plain TCP, and a key waits little`, () => {
      const line = new PacedLine({ mbit, oneWayMs })
      for (const ms of [500, 1000, 2000, 4000]) {
        line.run(ms - line.nowMicros / 1000)
        const plain = tcpBytes(mbit, oneWayMs, ms)
        assert.ok(line.readBytes >= 0.8 * plain, `${line.readBytes} of ${plain} in ${ms} ms`)
      }
      line.waitsMs = []
      line.run(26_000)
      const floorMs = (80 * KIB * 8) / mbit / 1000
      const waits = median(line.waitsMs)
      assert.ok(waits <= Math.max(40, floorMs), `${waits} ms`)
      assert.ok(line.readBytes >= 0.95 * 28_000 * mbit * 125, `${line.readBytes}`)
    })
  }
}

test('a lost packet holds up what is told of, not the line', () => {
  for (const [oneWayMs, mbit] of [
    [100, 30],
    [20, 30],
    [100, 100],
  ] as const) {
    // About one in two and a half round trips, as 0.1 % of packets at 30 Mbit/s and 100 ms.
    const perTrip = (mbit * 250 * oneWayMs) / 16_384
    const line = new PacedLine({ mbit, oneWayMs, lostEvery: Math.round(2.5 * perTrip) })
    line.run(4000)
    const before = line.readBytes
    line.waitsMs = []
    line.run(10_000)
    const share = (line.readBytes - before) / (mbit * 1_250_000)
    assert.ok(share >= 0.93, `${share} of ${mbit} Mbit/s, ${oneWayMs} ms`)
    assert.ok(median(line.waitsMs) <= 45, `${median(line.waitsMs)} ms`)
  }
})

test('an other end that never tells, though it agreed to, is not bounded', () => {
  const line = new PacedLine({ mbit: 20, oneWayMs: 5, isMute: true })
  line.run(1000)
  assert.equal(line.givenBytes, 128 * KIB)
  line.wantedBytes = 10_000_000
  line.run(6000)
  assert.equal(line.readBytes, 10_000_000)
})

test('an other end that stops to tell gets a little more every second, until it tells again', () => {
  const line = new PacedLine({ mbit: 20, oneWayMs: 5 })
  line.run(3000)
  const told = line.givenBytes
  line.become({ mbit: 20, oneWayMs: 5, isMute: true })
  line.run(10_000)
  const more = line.givenBytes - told
  assert.ok(more >= 6 * 64 * KIB && more < 12 * 64 * KIB, `${more}`)
  line.become({ mbit: 20, oneWayMs: 5 })
  line.run(3000)
  line.waitsMs = []
  line.run(3000)
  assert.ok(median(line.waitsMs) <= 40)
})

test('a line that becomes faster, slower or longer is found out', () => {
  const line = new PacedLine({ mbit: 20, oneWayMs: 20 })
  line.run(5000)
  for (const options of [
    { mbit: 200, oneWayMs: 20 },
    { mbit: 5, oneWayMs: 20 },
    { mbit: 20, oneWayMs: 100 },
    { mbit: 20, oneWayMs: 1 },
  ]) {
    line.become(options)
    line.run(15_000)
    const before = line.readBytes
    line.waitsMs = []
    line.run(5000)
    const [share, waits] = [
      (line.readBytes - before) / (options.mbit * 625_000),
      median(line.waitsMs),
    ]
    assert.ok(share >= 0.9, `${share} of ${options.mbit} Mbit/s, ${options.oneWayMs} ms`)
    assert.ok(waits <= Math.max(45, 640 / options.mbit), `${waits} ms of ${options.mbit} Mbit/s`)
  }
})

test('a sender that has little to send does not forget what the line can', () => {
  const line = new PacedLine({ mbit: 100, oneWayMs: 20 })
  line.run(4000)
  const full = line.pace.limitBytes
  for (let i = 0; i < 300; i++) {
    line.wantedBytes = line.givenBytes + 20_000
    line.run(50)
  }
  assert.ok(line.pace.limitBytes >= 0.9 * full, `${line.pace.limitBytes} of ${full}`)
})

test('what was never sent cannot be told of, and what was told is not taken back', () => {
  const pace = new Pace(0)
  pace.given(1000, 0)
  assert.throws(() => pace.received(1001, 1), { code: 'protocol-error' })
  pace.received(900, 1)
  pace.received(100, 2)
  assert.equal(pace.spareBytes(1000, 2), pace.limitBytes - 100)
})

test('a PONG from the future, or to no PING, leaves the limit as it is', () => {
  const pace = new Pace(0)
  pace.trip(1e15, 10)
  pace.trip(0, 10)
  assert.equal(pace.limitBytes, 128 * KIB)
})

test('reading is told of every 32 KiB, a rest of 4 KiB after a while, less never', () => {
  const receipts = new Receipts()
  receipts.read(4095)
  assert.equal(receipts.isWorth, false)
  receipts.read(1)
  assert.equal(receipts.isWorth, true)
  assert.equal(receipts.isDue(0), false)
  receipts.read(28 * KIB)
  assert.equal(receipts.isDue(0), true)
  assert.equal(receipts.tell(), 32 * KIB)
  assert.equal(receipts.isWorth, false)
})

test('where much comes all the time it is told every few milliseconds, after a pause at once', () => {
  const receipts = new Receipts()
  const tellings: number[] = []
  for (let ms = 0; ms < 1000; ms += 0.25) {
    if (ms >= 500 && ms < 600) continue
    receipts.read(64 * KIB)
    if (!receipts.isDue(ms * 1000)) continue
    receipts.tell()
    tellings.push(ms)
  }
  const at = (from: number, to: number) => tellings.filter((ms) => ms >= from && ms < to).length
  assert.ok(at(100, 500) >= 100 && at(100, 500) <= 200, `${at(100, 500)} in 400 ms`)
  assert.ok(at(600, 610) >= 30, `${at(600, 610)} in the first 10 ms`)
})
