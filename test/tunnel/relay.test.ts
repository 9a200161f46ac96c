import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flowId, pattern, Seen } from './doubles.ts'
import { ACCEPT, House } from './house.ts'

test('a flow opens through the edge and says what each hop cost', () => {
  const house = new House()
  const { atNear, near } = house.join()
  assert.equal(near.id, flowId(1))
  assert.equal(atNear.info?.instance, 'hq-1')
  assert.equal(atNear.info?.gateMicros, 7)
  assert.equal(atNear.info?.resolveMicros, 11)
  assert.equal(atNear.info?.connectMicros, 22)
  const [open] = house.connector.incomingOpens
  assert.equal(open?.name, 'wiki.corp.internal')
  assert.equal(open?.port, 80)
})

test('bytes written before the answer arrive once it is there, in order', () => {
  const house = new House()
  const near = house.open()
  near.write(pattern(100_000))
  near.end()
  house.settle()
  const atFar = new Seen()
  const [open] = house.connector.incomingOpens
  assert.ok(open)
  const far = open.accept(ACCEPT, atFar)
  assert.equal(atFar.length, 0, 'nothing is delivered before the caller has the flow')
  house.settle()
  assert.deepEqual(atFar.bytes, pattern(100_000))
  assert.ok(atFar.hasEnded)
  far.end()
  house.settle()
  assert.equal(house.client.endpoint.flowCount, 0)
  assert.equal(house.connector.endpoint.flowCount, 0)
  assert.equal(house.clientSide.tunnel.flowCount, 0)
})
