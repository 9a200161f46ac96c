import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { putHeader } from '../../tunnel/frames/write.ts'
import { pattern, Seen } from './doubles.ts'
import { ACCEPT, House } from './house.ts'

const MIB = 1 << 20

test('a flow opens through the edge and says what each hop cost', () => {
  const house = new House()
  const { atNear } = house.join()
  assert.equal(atNear.info?.instance, 'hq-1')
  assert.equal(atNear.info?.gateMicros, 7)
  assert.equal(atNear.info?.resolveMicros, 11)
  assert.equal(atNear.info?.connectMicros, 22)
  const [open] = house.connector.incomingOpens
  assert.equal(open?.name, 'wiki.corp.internal')
  assert.equal(open?.port, 80)
  assert.deepEqual(
    Buffer.from(open?.context ?? []).toString(),
    '{}',
    "the edge's, not the client's",
  )
})

test('bytes and FIN before the answer arrive once it is there, in order', () => {
  const house = new House()
  const near = house.open()
  near.write(pattern(100_000))
  near.end()
  house.settle()
  const atFar = new Seen()
  const far = house.connector.incomingOpens[0]?.accept(ACCEPT, atFar)
  assert.equal(atFar.length, 0, 'nothing is delivered before the caller has the flow')
  house.settle()
  assert.deepEqual(atFar.bytes, pattern(100_000))
  assert.ok(atFar.hasEnded)
  far?.end()
  house.settle()
  assert.equal(house.client.endpoint.flowCount, 0)
  assert.equal(house.connector.endpoint.flowCount, 0)
  assert.equal(house.clientSide.tunnel.flowCount, 0)
})

test('bytes that come before the gate has answered wait at the edge', () => {
  const house = new House()
  house.clientSide.onOpen = undefined
  const atFar = new Seen()
  house.connector.onIncoming = (open) => open.accept(ACCEPT, atFar)
  const near = house.open()
  near.write(pattern(200_000))
  near.end()
  house.settle()
  assert.equal(house.connector.incomingOpens.length, 0)
  house.clientSide.opens[0]?.connect(house.connectorSide.tunnel, new Uint8Array(0), 0)
  house.settle()
  assert.deepEqual(atFar.bytes, pattern(200_000))
  assert.ok(atFar.hasEnded)
})

test('the gate refuses: nothing reaches the connector', () => {
  const house = new House()
  house.clientSide.onOpen = (flow) => flow.refuse('policy-denied', 'no rule', { rule: 'none' })
  const seen = new Seen()
  const flow = house.open(seen)
  flow.write(pattern(1000))
  house.settle()
  assert.deepEqual(seen.refusal, {
    code: 'policy-denied',
    reason: 'no rule',
    facts: { rule: 'none' },
  })
  assert.equal(house.connector.incomingOpens.length, 0)
  assert.equal(house.clientSide.tunnel.flowCount, 0)
  assert.equal(house.clientSide.closedWhy, undefined, 'late DATA of a refused flow is dropped')
})

test('the edge resets a flow at both ends, with the reason', () => {
  const house = new House()
  const { atNear, atFar } = house.join()
  const [flow] = house.clientSide.tunnel.flows
  const ends: object[] = []
  assert.ok(flow)
  flow.handlers = { closed: (end) => ends.push(end) }
  flow.reset('policy-changed', 'no rule allows it any more')
  flow.reset('internal', 'a second time')
  house.settle()
  const end = { code: 'policy-changed', reason: 'no rule allows it any more' }
  assert.deepEqual(atNear.end, end)
  assert.deepEqual(atFar.end, end)
  assert.deepEqual(ends, [{ ...end, by: 'edge', bytesUp: 0, bytesDown: 0 }])
})

test('the edge counts the bytes each way and says how the flow ended', () => {
  const house = new House()
  const ends: object[] = []
  house.clientSide.onOpen = (flow) => {
    flow.connect(house.connectorSide.tunnel, new Uint8Array(0), 0)
    flow.handlers = { closed: (end) => ends.push(end) }
  }
  const { near, far } = house.join()
  near.write(pattern(70_000))
  far.write(pattern(50))
  near.end()
  far.end()
  house.settle()
  assert.deepEqual(ends, [
    { code: 'done', reason: '', by: 'client', bytesUp: 70_000, bytesDown: 50 },
  ])
})

test('the loss of a connector resets its flows at the client and at nobody else', () => {
  const house = new House()
  const { atNear } = house.join()
  const other = new House()
  house.connectorWire.b.lose({ code: 'tunnel-lost', reason: 'ECONNRESET', by: 'network' })
  house.settle()
  assert.equal(atNear.end?.code, 'tunnel-lost')
  assert.equal(house.connectorSide.closedWhy?.by, 'network')
  assert.equal(house.clientSide.closedWhy, undefined)
  assert.equal(other.clientSide.closedWhy, undefined)
  house.clientSide.onOpen = (flow) => {
    const connect = () => flow.connect(house.connectorSide.tunnel, new Uint8Array(0), 0)
    assert.throws(connect, { code: 'tunnel-lost' })
    flow.refuse('connector-down', '')
  }
  const after = new Seen()
  house.open(after)
  house.settle()
  assert.equal(after.refusal?.code, 'connector-down')
})

test('closing a tunnel with a code tells both ends of its flows', () => {
  const house = new House()
  const { atNear, atFar } = house.join()
  house.clientSide.tunnel.close('session-revoked', 'the session was revoked')
  house.settle()
  assert.equal(atNear.end?.code, 'session-revoked')
  assert.equal(atFar.end?.code, 'session-revoked')
  assert.deepEqual(house.client.closedWhy, {
    code: 'session-revoked',
    reason: 'the session was revoked',
    by: 'peer',
  })
})

test('a client beyond its credit loses that flow and no other', () => {
  const house = new House()
  const greedy = house.join()
  const honest = house.join()
  const frame = new Uint8Array(8 + 65_536)
  putHeader(frame, 0, TYPE.DATA, 65_536, 1)
  house.clientWire.a.send(Buffer.concat([frame, frame, frame, frame, frame]))
  house.settle()
  assert.equal(greedy.atNear.end?.code, 'flow-control')
  assert.equal(greedy.atFar.end?.code, 'flow-control')
  assert.ok(greedy.atFar.length <= 4 * 65_536)
  honest.near.write(pattern(10))
  house.settle()
  assert.equal(honest.atFar.length, 10)
})

test('a client that takes nothing is granted a share, not the window of its connector', () => {
  const house = new House()
  const { near, far, atNear, atFar } = house.join()
  atFar.onData = (chunk) => far.consumed(chunk.length)
  atNear.onData = (chunk) => near.consumed(chunk.length)
  house.clientWire.b.isStalled = true
  let written = 0
  atFar.onDrained = () => {
    while (far.write(pattern(65_536))) written += 65_536
  }
  atFar.onDrained()
  house.settle()
  assert.ok(written <= MIB, `${written} bytes were taken`)
  const [flow] = house.clientSide.tunnel.flows
  assert.ok((flow?.bytesDown ?? 0) <= 256 * 1024)
})

test('a slow connector does not stop the flows of a client to another', () => {
  const house = new House()
  const slow = house.join()
  const other = new House()
  slow.atFar.onData = (chunk) => slow.far.consumed(chunk.length)
  house.connectorWire.b.isStalled = true
  for (let i = 0; i < 8; i++) slow.near.write(pattern(65_536))
  house.settle()
  const second = house.addClient()
  assert.ok(other)
  const seen = new Seen()
  second.side.onOpen = (flow) => flow.refuse('policy-denied', '')
  house.open(seen, second.end)
  house.settle()
  assert.equal(seen.refusal?.code, 'policy-denied')
  house.clientSide.onOpen = (flow) => flow.refuse('policy-denied', '')
  const same = new Seen()
  house.open(same)
  house.settle()
  assert.equal(same.refusal?.code, 'policy-denied', "the client's own tunnel is read as well")
})

test('what is granted is never more than the receiver takes, nor its share of the queue', () => {
  const house = new House()
  const flows = Array.from({ length: 40 }, () => house.join())
  for (const { far, atFar } of flows) atFar.onData = (chunk) => far.consumed(chunk.length)
  house.connectorWire.b.isStalled = true
  for (let round = 0; round < 20; round++) {
    for (const { near } of flows) while (near.write(pattern(65_536)));
    house.settle()
  }
  const waiting = house.connectorWire.b.sent.reduce((sum, { length }) => sum + length, 0)
  const relayed = [...house.clientSide.tunnel.flows].reduce((sum, { bytesUp }) => sum + bytesUp, 0)
  assert.ok(waiting <= 131_072, 'one slab is with the link')
  assert.ok(relayed <= 40 * 256 * 1024, `${relayed} bytes wait at the edge`)
  house.connectorWire.b.isStalled = false
  for (let round = 0; round < 40; round++) {
    for (const { near } of flows) while (near.write(pattern(65_536)));
    house.settle()
  }
  for (const { atFar } of flows) assert.ok(atFar.length > MIB)
})

test('frames for several connectors in one message go each their way', () => {
  const house = new House()
  const one = house.join()
  const wire = house.addConnector()
  const two = house.join(wire.end)
  one.near.write(pattern(1000, 1))
  two.near.write(pattern(1000, 2))
  one.near.write(pattern(1000, 3))
  house.settle()
  assert.deepEqual(one.atFar.bytes, Buffer.concat([pattern(1000, 1), pattern(1000, 3)]))
  assert.deepEqual(two.atFar.bytes, pattern(1000, 2))
})
