import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Flow } from '../../tunnel/flow.ts'
import { pattern, Seen } from './doubles.ts'
import { ACCEPT, House } from './house.ts'

interface Journey {
  readonly up: readonly number[]
  readonly down: readonly number[]
  /** How many turns and steps pass between two writes. */
  readonly pause: number
  /** The program takes this many bytes of each chunk at once, the rest with the next. */
  readonly appetite: number
  readonly answersAfter: number
}

const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(5000), fc.nat(120_000)), { maxLength: 8 })
const journey: fc.Arbitrary<Journey> = fc.record({
  up: sizes,
  down: sizes,
  pause: fc.nat(3),
  appetite: fc.integer({ min: 1, max: 100_000 }),
  answersAfter: fc.nat(4),
})

test('whatever the chunks, pauses and appetites: both ways the bytes are equal, and nothing is left', () => {
  fc.assert(
    fc.property(fc.array(journey, { minLength: 1, maxLength: 5 }), (journeys) => {
      const house = new House()
      let runs = journeys.map((one, i) => start(house, one, i))
      while (runs.length > 0) {
        runs = runs.filter((run) => run())
        house.clock.turn()
        house.clientWire.step()
        house.connectorWire.step()
      }
      house.settle()
      assert.equal(house.client.endpoint.flowCount, 0)
      assert.equal(house.connector.endpoint.flowCount, 0)
      assert.equal(house.clientSide.tunnel.flowCount, 0)
      assert.equal(house.connectorSide.tunnel.flowCount, 0)
    }),
    { numRuns: 150 },
  )
})

/** Starts a journey; gives what to call each turn until it says that it is over. */
function start(house: House, one: Journey, seed: number): () => boolean {
  const atNear = new Seen()
  const atFar = new Seen()
  const answers: (() => void)[] = []
  const near = house.open(atNear)
  const others = house.connector.onIncoming
  house.connector.onIncoming = (open) => {
    if (open.flowId === near.id) answers.push(() => join(open.accept(ACCEPT, atFar)))
    else others?.(open)
  }
  const writer = makeWriter(near, atNear, one.up, one.pause, seed)
  let far: (() => void) | undefined
  const join = (flow: Flow) => {
    eat(flow, atFar, one.appetite)
    far = makeWriter(flow, atFar, one.down, one.pause, seed + 1000)
  }
  eat(near, atNear, one.appetite)
  let turns = 0
  return () => {
    turns += 1
    assert.ok(turns < 5_000, 'it goes on for ever')
    if (turns > one.answersAfter) for (const answer of answers.splice(0)) answer()
    writer()
    far?.()
    if (!atNear.isDone || !atFar.isDone) return true
    assert.ok(atFar.bytes.equals(all(one.up, seed)))
    assert.ok(atNear.bytes.equals(all(one.down, seed + 1000)))
    return false
  }
}

function makeWriter(
  flow: Flow,
  seen: Seen,
  lengths: readonly number[],
  pause: number,
  seed: number,
) {
  const source = all(lengths, seed)
  const left = [...lengths]
  let at = 0
  let waiting = false
  let resting = 0
  seen.onDrained = () => {
    waiting = false
  }
  return () => {
    if (waiting || resting-- > 0) return
    const length = left.shift()
    if (length === undefined) flow.end()
    else waiting = !flow.write(source.subarray(at, at + length))
    at += length ?? 0
    resting = pause
  }
}

function eat(flow: Flow, seen: Seen, appetite: number): void {
  let left = 0
  seen.onData = (chunk) => {
    const bytes = Math.min(appetite, chunk.length)
    flow.consumed(bytes + left)
    left = chunk.length - bytes
  }
}

const all = (lengths: readonly number[], seed: number): Buffer => {
  const length = lengths.reduce((sum, one) => sum + one, 0)
  return pattern(length + 4, seed).subarray(0, length)
}
