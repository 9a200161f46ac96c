import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControlMessage } from '../../tunnel/control.ts'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { bodyFrame, CREDIT_FRAME_BYTES, putCredit } from '../../tunnel/frames/write.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import { LegTunnel } from '../../tunnel/relay/leg.ts'
import { pattern } from '../tunnel/doubles.ts'
import { House, type HouseOptions } from '../tunnel/house.ts'

const MIB = 1 << 20
const NOTICE: ControlMessage = {
  kind: 'notice',
  level: 'info',
  code: 'c',
  text: 'x'.repeat(1000),
  facts: {},
}

/** A house with one more client, whose flow to the same connector must come to no harm. */
function withNeighbour(options: HouseOptions = {}) {
  const house = new House(options)
  const { atNear } = house.join(house.connector, house.addClient().end)
  const assertUnharmed = () => {
    assert.equal(house.connectorSide.closedWhy, undefined, 'the tunnel is shared')
    assert.equal(atNear.end, undefined)
  }
  return { house, assertUnharmed }
}

test("first windows that a connector cannot take end flows of their client's, not its tunnel", () => {
  // Many clients together bring what one may not.
  const limits = { ...DEFAULT_LIMITS, earlyBytes: 64 * MIB }
  const { house, assertUnharmed } = withNeighbour({ limits })
  const flows = Array.from({ length: 500 }, () => house.join())
  house.connectorWire.b.isStalled = true
  for (const { near } of flows) while (near.write(pattern(65_536)));
  house.settle()
  assertUnharmed()
  assert.ok(flows.some(({ atNear }) => atNear.end?.code === 'over-budget'))
  const { tunnel } = house.connectorSide
  assert.ok(tunnel instanceof LegTunnel)
  assert.equal(tunnel.outbox.isOverfull, false, 'what waited of those that ended is gone')
  while (!tunnel.outbox.isOverfull) tunnel.send(NOTICE)
  house.clientSide.onOpen = undefined
  house.open()
  house.settle()
  const late = house.clientSide.opens.at(-1)
  assert.throws(() => late?.connect(house.connectorSide.tunnel, pattern(4), 0), {
    code: 'over-budget',
  })
})

test('CREDIT without end, which needs none itself, never reaches the connector that others share', () => {
  const { house, assertUnharmed } = withNeighbour()
  house.join()
  house.connectorWire.b.isStalled = true
  const before = house.connectorWire.b.sent.length
  const credit = new Uint8Array(CREDIT_FRAME_BYTES)
  putCredit(credit, 0, 1, 0, 300_000)
  const many = Buffer.concat(Array.from({ length: 40_000 }, () => credit))
  for (let i = 0; i < 120; i++) house.clientWire.b.onMessage?.(new Uint8Array(many))
  house.settle()
  assertUnharmed()
  assert.equal(house.clientSide.closedWhy?.code, 'rate-limited')
  const said = house.connectorWire.b.sent.slice(before)
  assert.ok(said.length <= 2, 'one CREDIT and the RESET')
})

test('a frame that waits does not hold the long message that it came with', () => {
  const house = new House()
  house.join()
  house.connectorWire.b.isStalled = true
  const { tunnel } = house.connectorSide
  assert.ok(tunnel instanceof LegTunnel)
  const { outbox } = tunnel
  const append = outbox.append.bind(outbox)
  let held = 0
  outbox.append = (frames) => {
    held += frames.buffer.byteLength
    append(frames)
  }
  const skipped = bodyFrame(0xff, 0, new Uint8Array(200_000))
  const wanted = bodyFrame(TYPE.DATA, 1, new Uint8Array(17_000))
  // As many as go straight into the outbox: what takes turns waits as a copy.
  for (let i = 0; i < 7; i++) {
    house.clientWire.b.onMessage?.(new Uint8Array(Buffer.concat([wanted, skipped])))
  }
  assert.ok(held >= 119_000 && held < 2 * 119_000, `${held} bytes are held`)
})

for (const how of ['reset', 'end'] as const) {
  test(`a flow that a full tunnel refuses and whose program says ${how} at once harms no other`, () => {
    const house = new House({ limits: { ...DEFAULT_LIMITS, maxFlows: 1 } })
    const { near, atNear } = house.join()
    near.write(pattern(10))
    const refused = house.open()
    if (how === 'reset') refused.reset('cancelled')
    else refused.end()
    house.settle()
    assert.equal(house.client.closedWhy, undefined)
    assert.equal(atNear.end, undefined)
  })
}

test('a RESET that is one byte too much for its tunnel ends no flow twice', () => {
  const fill = (notices: number) => {
    const house = new House()
    const flows = Array.from({ length: 60 }, () => house.join())
    house.clientWire.a.isStalled = true
    for (let i = 0; i < notices && !house.client.closedWhy; i++) house.client.endpoint.send(NOTICE)
    return { house, flows }
  }
  let notices = 7000
  while (!fill(notices).house.client.closedWhy) notices += 100
  while (fill(notices).house.client.closedWhy) notices -= 1
  const { house, flows } = fill(notices)
  const last = flows.find(({ near }) => {
    near.reset('cancelled', 'x'.repeat(100))
    return house.client.closedWhy
  })
  assert.ok(last, 'the last RESET was too much')
  assert.equal(last.atNear.end, undefined, 'its program has ended it itself')
})
