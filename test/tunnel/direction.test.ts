import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADER_BYTES } from '../../tunnel/frames/frame.ts'
import { readCredit } from '../../tunnel/frames/read.ts'
import { Outbox, SlabPool } from '../../tunnel/outbox.ts'
import { Direction } from '../../tunnel/relay/direction.ts'
import { OutQueue } from '../../tunnel/relay/queue.ts'
import { ManualClock, TestLink } from './doubles.ts'

const KIB = 1024
const MIB = KIB * KIB

function makeTunnel() {
  const clock = new ManualClock()
  const link = new TestLink()
  const outbox = new Outbox({
    link,
    clock,
    pool: new SlabPool(),
    compose: () => {},
    drained: () => {},
    overflow: () => {},
    maxQueuedBytes: 1 << 30,
  })
  const writeAll = () => {
    do clock.turn()
    while (link.take())
  }
  return { clock, link, outbox, queue: new OutQueue(outbox), writeAll }
}

test('bytes beyond what the sender was told are an error of flow control, at the relay itself', () => {
  const direction = new Direction(100, {})
  direction.relay(100)
  assert.throws(() => direction.relay(1), { code: 'flow-control' })
  assert.equal(direction.credit(0, 1000, 50), 100, 'what was given is not taken back')
  assert.throws(() => direction.relay(1), { code: 'flow-control' })
  assert.equal(direction.credit(0, 1000, 150), 150)
  direction.relay(50)
})

test('FIN must be at the end, and what was not relayed cannot be acknowledged', () => {
  const direction = new Direction(100, {})
  direction.relay(10)
  assert.throws(() => direction.finish(11), { code: 'protocol-error' })
  assert.throws(() => direction.credit(11, 100, 0), { code: 'protocol-error' })
  direction.finish(10)
  assert.throws(() => direction.finish(10), { code: 'protocol-error' })
  assert.throws(() => direction.relay(1), { code: 'protocol-error' })
  direction.credit(10, 100, 0)
  assert.equal(direction.isDone, false)
  direction.credit(11, 100, 0)
  assert.equal(direction.isDone, true)
})

test('a limit is passed on up to what is written out and a share', () => {
  const direction = new Direction(256 * KIB, {})
  direction.relay(256 * KIB)
  direction.wroteOut(100 * KIB)
  assert.equal(direction.credit(0, 10 * MIB, 200 * KIB), 300 * KIB)
  assert.equal(direction.isClamped, true)
  direction.wroteOut(256 * KIB)
  assert.equal(direction.credit(0, 10 * MIB, 20 * MIB), 10 * MIB)
  assert.equal(direction.isClamped, false)
})

test('a clamped sender is told of more as its bytes are written out, with the last acknowledgement', () => {
  const { clock, link, outbox } = makeTunnel()
  const direction = new Direction(100 * KIB, { sender: { tunnel: { outbox }, stream: 7 } })
  direction.relay(100 * KIB)
  direction.credit(50 * KIB, 10 * MIB, 0)
  direction.wroteOut(60 * KIB)
  direction.regrant(64 * KIB)
  clock.turn()
  const [message] = link.sent
  assert.ok(message)
  assert.deepEqual(readCredit(message, HEADER_BYTES), { received: 50 * KIB, limit: 124 * KIB })
  direction.regrant(65 * KIB)
  clock.turn()
  assert.equal(link.sent.length, 1, 'a little more is not worth a frame')
})

test('the share falls as the queue fills and with the flows in it, and comes back', () => {
  const { outbox, queue, writeAll } = makeTunnel()
  const share = queue.shareOf('alice')
  assert.equal(share.freeBytes, 8 * MIB)
  const directions = Array.from({ length: 3 }, () => new Direction(MIB, { share }))
  for (const direction of directions) {
    direction.relay(MIB / 2)
    outbox.append(new Uint8Array(MIB / 2))
    queue.mark(direction, 0)
  }
  assert.equal(share.freeBytes, Math.floor((8 * MIB - 1.5 * MIB) / 4))
  outbox.append(new Uint8Array(8 * MIB))
  assert.equal(share.freeBytes, 16 * KIB, 'never less')
  writeAll()
  queue.settle()
  for (const direction of directions) assert.equal(direction.writtenOut, MIB / 2)
  assert.equal(share.freeBytes, 8 * MIB)
})

test('a party has its part of the queue, however many flows others fill it with', () => {
  const { outbox, queue, writeAll } = makeTunnel()
  const [many, one] = [queue.shareOf('many'), queue.shareOf('one')]
  const directions = Array.from({ length: 100 }, () => new Direction(40 * KIB, { share: many }))
  for (const direction of directions) {
    direction.relay(40 * KIB)
    outbox.append(new Uint8Array(40 * KIB))
    queue.mark(direction, 0)
  }
  assert.equal(many.freeBytes, Math.floor((8 * MIB - 4000 * KIB) / 101))
  assert.equal(one.freeBytes, 4 * MIB)
  const key = new Direction(MIB, { share: one })
  key.relay(MIB)
  outbox.append(new Uint8Array(MIB))
  queue.mark(key, 0)
  assert.equal(one.freeBytes, (3 * MIB) / 2)
  assert.equal(many.freeBytes, 16 * KIB, 'it has nearly half already')
  writeAll()
  queue.settle()
  for (const direction of [key, ...directions]) direction.close()
  assert.notEqual(queue.shareOf('one'), one, 'nothing is kept of whom nothing waits of')
})

test('what is granted and has not come counts until it comes or the flow is over', () => {
  const { queue } = makeTunnel()
  const [one, two, three] = ['one', 'two', 'three'].map((party) => queue.shareOf(party))
  assert.ok(one && two && three)
  const flows = Array.from(
    { length: 48 },
    (_, i) => new Direction(MIB, { share: i < 24 ? one : two }),
  )
  assert.equal(queue.committedBytes, 48 * MIB)
  assert.equal(three.freeBytes, 16 * KIB)
  flows[0]?.relay(MIB)
  flows[1]?.close()
  flows[1]?.close()
  assert.equal(queue.committedBytes, 46 * MIB)
  assert.equal(three.freeBytes, 2 * MIB)
  flows[2]?.credit(0, 2 * MIB, 2 * MIB)
  assert.equal(queue.committedBytes, 47 * MIB)
})

test('one party cannot use up what all may have to come', () => {
  const { queue } = makeTunnel()
  const greedy = queue.shareOf('greedy')
  const flows = Array.from({ length: 100 }, () => new Direction(MIB, { share: greedy }))
  assert.equal(greedy.freeBytes, 16 * KIB)
  assert.equal(queue.shareOf('other').freeBytes, 8 * MIB)
  for (const flow of flows) flow.close()
  assert.equal(queue.committedBytes, 0)
  assert.equal(queue.shareOf('greedy').freeBytes, 8 * MIB)
})

test('what is thrown away waits no more, what the outbox has had does until it is written out', () => {
  const { outbox, queue, writeAll } = makeTunnel()
  const share = queue.shareOf('alice')
  const direction = new Direction(MIB, { share })
  direction.relay(40_000)
  outbox.append(new Uint8Array(40_000))
  queue.mark(direction, 0)
  direction.relay(60_000)
  assert.equal(share.waitingBytes, 100_000)
  direction.throwAway()
  assert.equal(share.waitingBytes, 40_000)
  writeAll()
  queue.settle()
  assert.equal(share.waitingBytes, 0)
})

test('each flow is told how far it is written out, in the order of the queue', () => {
  const { clock, link, outbox, queue } = makeTunnel()
  const [one, two] = [new Direction(MIB, {}), new Direction(MIB, {})]
  for (const direction of [one, one, two, one]) {
    direction.relay(20_000)
    outbox.append(new Uint8Array(20_000))
    queue.mark(direction, 0)
  }
  const seen: [number, number][] = []
  for (let i = 0; i < 4; i++) {
    clock.turn()
    link.take()
    queue.settle()
    seen.push([one.writtenOut, two.writtenOut])
  }
  assert.deepEqual(seen, [
    [0, 0],
    [40_000, 0],
    [40_000, 20_000],
    [60_000, 20_000],
  ])
})

test('a flow that is over asks for no more credit from the queue', () => {
  const { outbox, queue, writeAll } = makeTunnel()
  const direction = new Direction(100, {})
  direction.relay(100)
  direction.credit(0, 1000, 0)
  outbox.append(new Uint8Array(100))
  queue.mark(direction, 0)
  direction.close()
  writeAll()
  assert.deepEqual(queue.settle(), [])
})
