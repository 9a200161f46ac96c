import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Flow } from '../../tunnel/flow.ts'
import { LegTunnel } from '../../tunnel/relay/leg.ts'
import { pattern, type Seen } from './doubles.ts'
import { type End, House, type HouseOptions } from './house.ts'

const KIB = 1024
const RECEIVED: HouseOptions = { features: ['received'] }
const CHUNK = pattern(32 * KIB)

/** Writes for ever; its program at the other end takes all that comes. */
class Bulk {
  readonly near: Flow
  readonly atNear: Seen
  readonly atFar: Seen
  #before = 0

  constructor(house: House, client?: End) {
    const { near, far, atNear, atFar } = house.join(house.connector, client)
    this.near = near
    this.atNear = atNear
    this.atFar = atFar
    atFar.onData = (chunk) => far.consumed(chunk.length)
    atNear.onDrained = () => this.start()
  }

  start(): void {
    for (let i = 0; i < 64 && this.near.write(CHUNK); i++);
  }

  /** Bytes that have come since this was last asked. */
  take(): number {
    const bytes = this.atFar.length - this.#before
    this.#before = this.atFar.length
    return bytes
  }
}

/** Every turn is a millisecond, in which each tunnel carries one message each way. */
function run(house: House, turns: number): void {
  for (let i = 0; i < turns; i++) {
    house.settleFor(1)
    house.clock.advance(1)
  }
}

function start(house: House, bulks: readonly Bulk[]): void {
  for (const bulk of bulks) bulk.start()
  run(house, 500)
  sum(bulks)
}

const sum = (bulks: readonly Bulk[]): number => bulks.reduce((all, bulk) => all + bulk.take(), 0)

for (const options of [{}, RECEIVED]) {
  const how = options === RECEIVED ? 'with RECEIVED' : 'without RECEIVED'

  test(`${how}: many flows of one person get no more of a connector than one of another`, () => {
    const house = new House(options)
    const other = house.addClient(options)
    const many = Array.from({ length: 60 }, () => new Bulk(house))
    const one = new Bulk(house, other.end)
    start(house, [...many, one])
    run(house, 2000)
    const ratio = sum(many) / one.take()
    assert.ok(ratio > 0.9 && ratio < 1.1, `${ratio}`)
  })

  test(`${how}: two tunnels of one session count as one`, () => {
    const house = new House(options)
    const [second, other] = [house.addClient(options), house.addClient(options)]
    house.clientSide.party = second.side.party = 'alice'
    const hers = [new Bulk(house), new Bulk(house, second.end)]
    const one = new Bulk(house, other.end)
    start(house, [...hers, one])
    run(house, 2000)
    const ratio = sum(hers) / one.take()
    assert.ok(ratio > 0.9 && ratio < 1.1, `${ratio}`)
  })

  test(`${how}: flows of one client get shares within a tenth`, () => {
    const house = new House(options)
    const flows = Array.from({ length: 32 }, () => new Bulk(house))
    start(house, flows)
    run(house, 6400)
    const shares = flows.map((flow) => flow.take())
    const least = Math.min(...shares) / Math.max(...shares)
    assert.ok(least >= 0.9, `${least}: ${shares}`)
  })

  test(`${how}: a keystroke does not wait behind what others send`, () => {
    const house = new House(options)
    const bulks = Array.from({ length: 8 }, () => new Bulk(house))
    const other = house.addClient(options)
    const key = house.join(house.connector, other.end)
    start(house, bulks)
    const waits = Array.from({ length: 20 }, (_, i) => {
      key.near.write(pattern(8))
      let turns = 0
      while (key.atFar.length < 8 * (i + 1)) {
        run(house, 1)
        turns += 1
      }
      run(house, 7)
      return turns
    })
    // As many messages of 16 KiB are under way, and no more, when a key comes.
    assert.ok(Math.max(...waits) <= 24, `${waits}`)
  })
}

test('order stays while flows take turns, and FIN comes last', () => {
  const house = new House(RECEIVED)
  const other = house.addClient(RECEIVED)
  const bulks = [new Bulk(house), new Bulk(house, other.end)]
  const { near, atFar, far } = house.join()
  atFar.onData = (chunk) => far.consumed(chunk.length)
  const bytes = pattern(600_000, 9)
  start(house, bulks)
  const sizes = [1, 7, 5000, 16_384, 100, 70_000]
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    near.write(bytes.subarray(at, at + size))
    at += size
  }
  near.end()
  run(house, 3000)
  assert.ok(atFar.bytes.equals(bytes))
  assert.ok(atFar.hasEnded)
  assert.ok(sum(bulks) > 0)
})

test('what waits of a flow that is reset is thrown away', () => {
  const house = new House()
  const flows = Array.from({ length: 10 }, () => new Bulk(house))
  house.connectorWire.b.isStalled = true
  for (const flow of flows) flow.start()
  house.settle()
  const { tunnel } = house.connectorSide
  assert.ok(tunnel instanceof LegTunnel)
  const before = tunnel.outbox.queuedBytes
  assert.ok(before > 1_000_000, `${before}`)
  for (const { near } of flows) near.reset('cancelled')
  house.settle()
  const after = tunnel.outbox.queuedBytes
  assert.ok(after <= 300_000, `${after} of ${before} bytes wait still`)
  assert.equal(tunnel.queue.hasWaiting, false)
  house.connectorWire.b.isStalled = false
  house.settle()
  assert.equal(tunnel.outbox.queuedBytes, 0)
})
