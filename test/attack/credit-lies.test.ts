/** A peer that grants byte by byte, one that grants and never reads, one that sends what nobody granted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { bodyFrame } from '../../tunnel/frames/write.ts'
import { pattern } from '../tunnel/doubles.ts'
import { House } from '../tunnel/house.ts'
import { credit } from './stage/frames.ts'

const KIB = 1024

/** Frames of DATA that the connector has written since. */
function countData(house: House): () => number {
  let count = 0
  const receive = house.connectorWire.b.onMessage
  house.connectorWire.b.onMessage = (message) => {
    for (let at = 0; at < message.length; ) {
      if (message[at] === TYPE.DATA) count += 1
      at += 8 + Buffer.from(message).readUIntBE(at + 1, 3)
    }
    receive?.(message)
  }
  return () => count
}

test('a client that grants one byte at a time gets no frame for each', () => {
  const house = new House()
  const { far } = house.join()
  house.clientWire.a.onMessage = () => {}
  far.write(pattern(1024 * KIB))
  house.settle()
  const [flow] = house.clientSide.tunnel.flows
  const sent = flow?.bytesDown ?? 0
  assert.ok(sent > 0)
  const frames = countData(house)
  for (let i = 1; i <= 3000; i++) {
    house.clientWire.b.onMessage?.(credit(1, sent, sent + i))
    house.settle()
  }
  assert.ok(frames() <= 3, `${frames()} frames for 3,000 bytes`)
  assert.equal((flow?.bytesDown ?? 0) >= sent + 2048, true, 'what is worth a frame was sent')
  house.clock.advance(1000)
  house.connector.endpoint.tick(house.clock.now())
  house.settle()
  assert.equal(flow?.bytesDown, sent + 3000, 'the rest within about a second')
})

test('bytes beyond the credit end their flow at both ends, and nothing else', () => {
  const house = new House()
  const bystander = house.join()
  const { atFar, atNear } = house.join()
  house.clientWire.a.isStalled = true
  const most = bodyFrame(TYPE.DATA, 2, pattern(65_536))
  for (let i = 0; i < 20; i++) house.clientWire.b.onMessage?.(new Uint8Array(most))
  house.settle()
  assert.equal(atNear.end?.code, 'flow-control')
  assert.equal(atFar.end?.code, 'flow-control')
  assert.ok(atFar.length <= 256 * KIB, 'no more than was granted got through')
  assert.equal(house.clientSide.closedWhy, undefined)
  assert.equal(bystander.atNear.end, undefined)
})

test('a connector that sends beyond the credit of a client harms that flow alone', () => {
  const house = new House()
  const bystander = house.join()
  const { atNear } = house.join()
  const most = bodyFrame(TYPE.DATA, 2, pattern(65_536))
  for (let i = 0; i < 20; i++) house.connectorWire.b.onMessage?.(new Uint8Array(most))
  house.settle()
  assert.equal(atNear.end?.code, 'flow-control')
  assert.ok(atNear.length <= 256 * KIB)
  assert.equal(house.connectorSide.closedWhy, undefined)
  assert.equal(bystander.atNear.end, undefined)
})

test('credit without end is granted on by what the edge may let wait, not by what a client says', () => {
  const house = new House()
  const flows = Array.from({ length: 50 }, () => house.join())
  house.clientWire.b.isStalled = true
  const all = Buffer.concat(flows.map((_, i) => credit(i + 1, 0, Number.MAX_SAFE_INTEGER)))
  house.clientWire.b.onMessage?.(new Uint8Array(all))
  house.settle()
  for (const { far } of flows) for (let i = 0; i < 64 && far.write(pattern(65_536)); i++);
  house.settle()
  const waiting = [...house.clientSide.tunnel.flows].reduce((sum, flow) => sum + flow.bytesDown, 0)
  assert.ok(waiting <= 24 * 1024 * KIB, `${waiting} bytes wait`)
})
