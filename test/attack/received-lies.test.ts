/** RECEIVED decides how much of a tunnel is on its way: what if the other end says what is not so? */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receivedFrame } from '../../tunnel/frames/write.ts'
import { pattern } from '../tunnel/doubles.ts'
import { House } from '../tunnel/house.ts'

const MIB = 1 << 20

/** A client that hears nothing of its end, so that all it says of what it has read is made by hand. */
function liar() {
  const house = new House({ features: ['received'] })
  const bystander = house.join(house.connector, house.addClient().end)
  const { far } = house.join()
  house.clientWire.a.onMessage = () => {}
  const says = (total: number) => house.clientWire.b.onMessage?.(receivedFrame(total))
  const flood = () => {
    for (let i = 0; i < 64 && far.write(pattern(65_536)); i++);
    house.settle()
  }
  const assertUnharmed = () => {
    assert.equal(house.connectorSide.closedWhy, undefined)
    bystander.far.write(pattern(100_000))
    house.settle()
    assert.ok(bystander.atNear.length >= 100_000)
  }
  return { house, says, flood, assertUnharmed }
}

test('whoever tells of more than was sent breaks its own tunnel, and no other', () => {
  const { house, says, flood, assertUnharmed } = liar()
  flood()
  says(100 * MIB)
  assert.equal(house.clientSide.closedWhy?.code, 'protocol-error')
  assertUnharmed()
})

test('whoever takes back what it told changes nothing', () => {
  const { house, says, flood, assertUnharmed } = liar()
  flood()
  for (const total of [200, 0, 100, 200]) says(total)
  flood()
  assert.equal(house.clientSide.closedWhy, undefined)
  assertUnharmed()
})

test('whoever never tells is sent no more than its credit, and nobody else waits for it', () => {
  const { house, flood, assertUnharmed } = liar()
  for (let s = 0; s < 10; s++) {
    flood()
    house.clock.advance(1000)
    house.clientSide.tunnel.tick(house.clock.now())
  }
  const [flow] = house.clientSide.tunnel.flows
  assert.ok((flow?.bytesDown ?? 0) <= MIB / 4, `${flow?.bytesDown} bytes`)
  assertUnharmed()
})
