import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pattern, Seen } from './doubles.ts'
import { ACCEPT, House, request } from './house.ts'

test('half-close: the client ends first and still reads', () => {
  const house = new House()
  const { near, far, atNear, atFar } = house.join()
  near.write(pattern(10))
  near.end()
  house.settle()
  assert.ok(atFar.hasEnded && !atNear.hasEnded && !atFar.isDone)
  far.write(pattern(100_000))
  far.end()
  house.settle()
  assert.deepEqual(atNear.bytes, pattern(100_000))
  assert.ok(atNear.hasEnded && atNear.isDone && atFar.isDone)
})

test('half-close: the connector ends first and still reads', () => {
  const house = new House()
  const { near, far, atNear, atFar } = house.join()
  far.end()
  house.settle()
  assert.ok(atNear.hasEnded && !atFar.hasEnded)
  near.write(pattern(100_000))
  near.end()
  house.settle()
  assert.deepEqual(atFar.bytes, pattern(100_000))
  assert.ok(atNear.isDone && atFar.isDone)
})

test('both end at once', () => {
  const house = new House()
  const { near, far, atNear, atFar } = house.join()
  near.end()
  far.end()
  house.settle()
  assert.ok(atNear.isDone && atFar.isDone)
  assert.equal(house.client.endpoint.flowCount, 0)
  assert.equal(house.connectorSide.tunnel.flowCount, 0)
})

test('RESET from either end reaches the other with its code and reason', () => {
  const house = new House()
  const one = house.join()
  one.near.reset('cancelled', 'the program gave up')
  house.settle()
  assert.deepEqual(one.atFar.end, { code: 'cancelled', reason: 'the program gave up' })
  assert.equal(one.atNear.end, undefined)
  const two = house.join()
  two.far.reset('origin-reset', 'connection reset by peer')
  house.settle()
  assert.deepEqual(two.atNear.end, { code: 'origin-reset', reason: 'connection reset by peer' })
  assert.equal(house.clientSide.tunnel.flowCount, 0)
})

test('a refusal has code, reason and facts, and is the last call', () => {
  const house = new House()
  const seen = new Seen()
  house.connector.onIncoming = (open) => open.refuse('origin-refused', 'port closed', { port: 80 })
  const flow = house.open(seen)
  house.settle()
  const refusal = { code: 'origin-refused', reason: 'port closed', facts: { port: 80 } }
  assert.deepEqual(seen.refusal, refusal)
  flow.write(pattern(10))
  flow.end()
  flow.reset('cancelled')
  house.settle()
  assert.equal(house.client.endpoint.flowCount, 0)
})

test('an OPEN that is given up cancels the dial, and what is accepted later is reset', () => {
  const house = new House()
  const flow = house.open()
  house.settle()
  const open = house.connector.incomingOpens.at(0)
  assert.ok(open)
  const cancelled: string[] = []
  open.onCancelled = ({ code }) => cancelled.push(code)
  flow.reset('cancelled')
  house.settle()
  assert.deepEqual(cancelled, ['cancelled'])
  const late = new Seen()
  open.accept(ACCEPT, late)
  assert.deepEqual([late.end], [undefined], 'not before the caller has the flow')
  house.settle()
  assert.equal(late.end?.code, 'cancelled')
  assert.equal(house.connector.endpoint.flowCount, 0)
})

test('what is written right after accept drains as any other', () => {
  const house = new House()
  const seen = new Seen()
  house.connector.onIncoming = (open) => {
    const far = open.accept(ACCEPT, seen)
    while (far.write(pattern(65_536)));
  }
  house.open()
  house.settle()
  assert.equal(seen.drainedCount, 1)
})

test('an OPEN is answered once', () => {
  const house = new House()
  house.open()
  house.settle()
  const [open] = house.connector.incomingOpens
  open?.refuse('internal', '')
  assert.throws(() => open?.refuse('internal', ''), TypeError)
  assert.throws(() => open?.accept(ACCEPT, new Seen()), TypeError)
})

test('a program that does not read holds the sender within its window, and goes on later', () => {
  const house = new House()
  const { near, far, atFar } = house.join()
  let ahead = 0
  while (near.write(pattern(65_536))) ahead += 65_536
  house.settle()
  near.write(pattern(65_536))
  house.settle()
  assert.equal(atFar.length, 256 * 1024, 'exactly the window')
  assert.ok(near.bytesSent - atFar.length <= 512 * 1024, 'write said no in time')
  far.consumed(256 * 1024)
  house.settle()
  assert.ok(atFar.length > 256 * 1024)
  assert.ok(ahead < 512 * 1024)
})

test('write says no when the link takes nothing, and drained tells when to go on', () => {
  const house = new House()
  const { near, atNear, far, atFar } = house.join()
  atFar.onData = (chunk) => far.consumed(chunk.length)
  house.clientWire.a.isStalled = true
  const fill = () => {
    while (near.write(pattern(65_536)));
  }
  atNear.onDrained = fill
  fill()
  house.settle()
  assert.ok(near.bytesSent <= 1 << 20, `${near.bytesSent} bytes were taken`)
  const before = atNear.drainedCount
  atNear.onDrained = undefined
  house.clientWire.a.isStalled = false
  house.settle()
  assert.equal(atNear.drainedCount, before + 1)
  assert.equal(atFar.length, near.bytesSent)
})

test('a keystroke does not wait behind a bulk flow', () => {
  const house = new House()
  const bulk = house.join()
  const typed = house.join()
  for (let i = 0; i < 8; i++) bulk.near.write(pattern(65_536))
  house.clock.turn()
  typed.near.write(Buffer.from('k'))
  let messages = 0
  while (typed.atFar.length === 0 && messages < 100) {
    house.clock.turn()
    house.clientWire.step()
    house.connectorWire.step()
    messages += 1
  }
  assert.ok(messages < 24, `${messages} messages went before it`)
  assert.ok(bulk.atFar.length > 0 && bulk.atFar.length < 8 * 65_536)
})

test('flows with much to send take turns', () => {
  const house = new House()
  const flows = [house.join(), house.join(), house.join()]
  for (const { near } of flows) for (let i = 0; i < 4; i++) near.write(pattern(65_536))
  for (let i = 0; i < 14; i++) {
    house.clock.turn()
    house.clientWire.step()
    house.connectorWire.step()
  }
  const lengths = flows.map(({ atFar }) => atFar.length)
  assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 2 * 16_384, `${lengths}`)
})

test('a small write is acknowledged by the next tick at the latest', () => {
  const house = new House()
  const { near } = house.join()
  let freed = 0
  near.write(pattern(5000), () => {
    freed += 1
  })
  house.settle()
  assert.equal(freed, 0)
  house.connector.endpoint.tick(house.clock.now())
  house.settle()
  assert.equal(freed, 1)
})

test('goAway at the connector: later OPENs are refused, earlier flows go on', () => {
  const house = new House()
  const { near, atFar } = house.join()
  house.connector.endpoint.goAway()
  house.settle()
  house.clientSide.onOpen = (flow) => {
    assert.throws(() => flow.connect(house.connectorSide.tunnel, new Uint8Array(0), 0), {
      code: 'shutting-down',
    })
    flow.refuse('connector-down', 'no connector takes it')
  }
  const refused = new Seen()
  house.open(refused)
  near.write(pattern(10))
  house.settle()
  assert.equal(refused.refusal?.code, 'connector-down')
  assert.equal(atFar.length, 10)
})

test('goAway at the edge: the client opens nothing more, and an OPEN on its way is refused', () => {
  const house = new House()
  const { near, atFar } = house.join()
  const late = new Seen()
  house.clientSide.tunnel.goAway('the edge drains')
  house.open(late)
  house.settle()
  assert.equal(late.refusal?.code, 'shutting-down')
  assert.ok(house.client.goneAway)
  assert.equal(house.client.endpoint.isOpen, false)
  const later = new Seen()
  house.open(later)
  near.write(pattern(10))
  house.settle()
  assert.equal(later.refusal?.code, 'shutting-down')
  assert.equal(atFar.length, 10)
})

test('a lost tunnel resets its flows before it says that it is closed', () => {
  const house = new House()
  const { atNear, atFar } = house.join()
  house.clientWire.a.lose({ code: 'tunnel-lost', reason: 'ECONNRESET', by: 'network' })
  assert.equal(atNear.end?.code, 'tunnel-lost')
  assert.equal(house.client.closedWhy?.code, 'tunnel-lost')
  house.clientWire.b.lose({ code: 'tunnel-lost', reason: 'ECONNRESET', by: 'network' })
  house.settle()
  assert.equal(atFar.end?.code, 'tunnel-lost')
  const after = new Seen()
  house.open(after)
  house.settle()
  assert.equal(after.refusal?.code, 'tunnel-lost')
})

test("a request out of bounds is the caller's mistake", () => {
  const house = new House()
  const { endpoint } = house.client
  const open = (change: object) => () => endpoint.open({ ...request(1), ...change }, new Seen())
  assert.throws(open({ name: 'UPPER.example' }), RangeError)
  assert.throws(open({ name: 'a'.repeat(254) }), RangeError)
  assert.throws(open({ port: 0 }), RangeError)
  assert.throws(open({ port: 65_536 }), RangeError)
  assert.throws(open({ flowId: '1' }), RangeError)
  assert.throws(open({ context: new Uint8Array(4097) }), RangeError)
})

test('a full tunnel refuses at the client already', () => {
  const house = new House({
    limits: {
      initialWindowBytes: 1000,
      earlyBytes: 1000,
      maxFlows: 3,
      maxPendingOpens: 2,
      maxDatagramBytes: 1452,
    },
  })
  const seen = [new Seen(), new Seen(), new Seen()]
  for (const one of seen) house.open(one)
  house.settle()
  assert.deepEqual(
    seen.map(({ refusal }) => refusal?.code),
    [undefined, undefined, 'over-budget'],
  )
})

test('messages beside flows reach the other end of the tunnel', () => {
  const house = new House()
  house.connector.endpoint.send({ kind: 'announce', apps: [] })
  house.clientSide.tunnel.send({ kind: 'catalog', revision: 1, zones: [], entries: [] })
  house.settle()
  assert.deepEqual(house.connectorSide.messages, [{ kind: 'announce', apps: [] }])
  assert.equal(house.client.messages[0]?.kind, 'catalog')
})

test('a silent edge is given up', () => {
  const house = new House()
  house.settle()
  for (let s = 0; s < 50; s++) {
    house.clock.advance(1000)
    house.client.endpoint.tick(house.clock.now())
    house.clock.turn()
    house.clientWire.a.take()
  }
  assert.equal(house.client.closedWhy?.code, 'tunnel-lost')
  assert.ok(house.clientWire.a.wasTerminated)
})

test('pings give the round trip and keep an idle tunnel alive', () => {
  const house = new House()
  house.settle()
  assert.equal(house.client.endpoint.rttMs, 0)
  for (let s = 0; s < 120; s++) {
    house.clock.advance(1000)
    const now = house.clock.now()
    for (const one of [house.client.endpoint, house.clientSide.tunnel]) one.tick(now)
    house.settle()
  }
  assert.equal(house.client.closedWhy, undefined)
  assert.equal(house.clientSide.closedWhy, undefined)
})
