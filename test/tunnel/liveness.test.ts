import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryDelayMs } from '../../tunnel/backoff.ts'
import { Bucket } from '../../tunnel/bucket.ts'
import { Liveness, Progress, RoundTrip } from '../../tunnel/liveness.ts'

/** Ticks once a second; gives the seconds at which each sign came first. */
function firstSigns(waiting: boolean, seconds: number): Record<string, number> {
  const liveness = new Liveness(0)
  const seen: Record<string, number> = {}
  for (let s = 1; s <= seconds; s++) seen[liveness.tick(s * 1000, waiting)] ??= s
  return seen
}

test('an idle tunnel is asked after 15 s and given up after 45 s of silence', () => {
  const { ping, dead, doubt } = firstSigns(false, 60)
  assert.deepEqual({ ping, dead, doubt }, { ping: 15, dead: 46, doubt: undefined })
})

test('a tunnel that something waits for is asked after 2 s, doubted after 4, given up after 20', () => {
  const { ping, doubt, dead } = firstSigns(true, 30)
  assert.deepEqual({ ping, doubt, dead }, { ping: 3, doubt: 5, dead: 21 })
})

test('whoever is heard is fine', () => {
  const liveness = new Liveness(0)
  for (let s = 1; s < 14; s++) {
    liveness.heard()
    assert.equal(liveness.tick(s * 1000, true), 'fine')
  }
})

test('a process that slept asks before it judges', () => {
  const liveness = new Liveness(0)
  liveness.tick(1000, true)
  assert.equal(liveness.tick(3_600_000, true), 'ping')
})

test('an other end that takes nothing for 20 s is stuck, one that takes a little is not', () => {
  const progress = new Progress()
  let writtenBytes = 0
  for (let s = 0; s < 100; s++) {
    assert.equal(progress.isStuck(s * 1000, { queuedBytes: 10, writtenBytes: s >> 3 }), false)
    writtenBytes = s >> 3
  }
  const stuck = Array.from({ length: 30 }, (_, s) =>
    progress.isStuck(100_000 + s * 1000, { queuedBytes: 10, writtenBytes }),
  )
  assert.ok(stuck.indexOf(true) > 10 && stuck.indexOf(true) < 21)
  assert.equal(progress.isStuck(200_000, { queuedBytes: 0, writtenBytes }), false)
})

test('the round trip is the least of the last eight', () => {
  const trip = new RoundTrip()
  assert.equal(trip.leastMs, undefined)
  for (const micros of [3000, 1000, 2000]) trip.add(micros)
  assert.equal(trip.leastMs, 1)
  for (let i = 0; i < 8; i++) trip.add(5000)
  trip.add(-1)
  assert.equal(trip.leastMs, 5)
})

test('the first try waits at most 200 ms, or a second beside another tunnel', () => {
  const first = { failures: 0, anotherLives: false, flowsWait: false }
  assert.equal(retryDelayMs(first, 0), 0)
  assert.equal(retryDelayMs(first, 0.5), 100)
  assert.equal(retryDelayMs({ ...first, anotherLives: true }, 0.5), 500)
})

test('later tries double up to 30 s, or to 2 s while flows wait', () => {
  const at = (failures: number, flowsWait = false) =>
    retryDelayMs({ failures, anotherLives: false, flowsWait }, 0.999_999_9)
  const ceilings = [1, 2, 3, 8, 1000].map((failures) => Math.round(at(failures)))
  assert.deepEqual(ceilings, [400, 800, 1600, 30_000, 30_000])
  assert.equal(Math.round(at(1000, true)), 2000)
})

test('a bucket gives its burst at once and its rate after that, also when the clock is set back', () => {
  const bucket = new Bucket(10, 3, 0)
  const now = [0, 0, 0, 0].map((at) => bucket.take(at))
  assert.deepEqual(now, [true, true, true, false])
  assert.equal(bucket.take(100), true)
  assert.equal(bucket.take(100), false)
  assert.equal(bucket.take(-1000), false)
  assert.equal(bucket.take(-900), true)
  assert.deepEqual(
    [1e9, 1e9, 1e9, 1e9].map((at) => bucket.take(at)),
    [true, true, true, false],
  )
})
