import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QUANTUM_BYTES, Seat } from '../../tunnel/fair/ring.ts'
import { Rounds } from '../../tunnel/fair/rounds.ts'

/** A flow that has `leftBytes` to send, in frames of `frameBytes`. */
interface Sender {
  readonly name: string
  readonly party: string
  readonly frameBytes: number
  leftBytes: number
  sentBytes: number
}

class Table {
  readonly rounds = new Rounds<Sender>()
  readonly seats = new Map<Sender, Seat<Sender>>()
  readonly order: string[] = []

  add(name: string, party: string, leftBytes: number, frameBytes = QUANTUM_BYTES): Sender {
    const sender = { name, party, frameBytes, leftBytes, sentBytes: 0 }
    const seat = new Seat<Sender>(sender)
    this.seats.set(sender, seat)
    this.rounds.enter(seat, party)
    return sender
  }

  more(sender: Sender, bytes: number): void {
    sender.leftBytes += bytes
    this.rounds.enter(this.seats.get(sender) as Seat<Sender>, sender.party)
  }

  /** Until `bytes` are sent, or nothing is left. */
  send(bytes: number): void {
    for (let sent = 0; sent < bytes; ) {
      const seat = this.rounds.next()
      if (seat === undefined) return
      const { owner } = seat
      const frame = Math.min(owner.frameBytes, owner.leftBytes)
      if (frame === 0) this.rounds.rest(seat)
      else {
        owner.leftBytes -= frame
        owner.sentBytes += frame
        this.rounds.spend(seat, frame)
        this.order.push(owner.name)
      }
      sent += frame
    }
  }
}

const MIB = 1 << 20

test('a thousand flows of one party get no more than one flow of another', () => {
  const table = new Table()
  const many = Array.from({ length: 1000 }, (_, i) => table.add(`m${i}`, 'many', MIB))
  const one = table.add('one', 'one', 100 * MIB)
  table.send(64 * MIB)
  const theirs = many.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  assert.ok(Math.abs(theirs / one.sentBytes - 1) < 0.01, `${theirs} beside ${one.sentBytes}`)
})

test('flows of one party get as much, whatever the size of their frames', () => {
  const table = new Table()
  const sizes = [100, 1000, 16_000, 65_544]
  const flows = Array.from({ length: 32 }, (_, i) => table.add(`${i}`, '', 64 * MIB, sizes[i % 4]))
  table.send(128 * MIB)
  for (const { sentBytes } of flows) {
    assert.ok(Math.abs(sentBytes / (4 * MIB) - 1) < 0.05, `${sentBytes}`)
  }
})

test('who comes with little is first, of all flows of its party', () => {
  const table = new Table()
  for (let i = 0; i < 8; i++) table.add(`bulk ${i}`, '', MIB)
  table.send(512 * 1024)
  table.order.length = 0
  table.add('key', '', 100)
  table.send(QUANTUM_BYTES)
  assert.equal(table.order[0], 'key')
})

test('who comes with little is first, of all parties', () => {
  const table = new Table()
  for (let i = 0; i < 8; i++) table.add(`bulk ${i}`, `party ${i}`, MIB)
  table.send(512 * 1024)
  table.order.length = 0
  table.add('key', 'another', 100)
  table.send(QUANTUM_BYTES)
  assert.equal(table.order[0], 'key')
})

test('small flows that come all the time do not starve a large one', () => {
  const table = new Table()
  const bulk = table.add('bulk', '', 100 * MIB)
  const keys = Array.from({ length: 50 }, (_, i) => table.add(`key ${i}`, '', 100))
  for (let i = 0; i < 1000; i++) {
    for (const key of keys) if (key.leftBytes === 0) table.more(key, 2000)
    table.send(QUANTUM_BYTES)
  }
  assert.ok(bulk.sentBytes >= MIB / 4, `${bulk.sentBytes}`)
})

test('who leaves has no turn, and comes again as if for the first time', () => {
  const table = new Table()
  const gone = table.add('gone', 'a', MIB)
  table.add('there', 'b', MIB)
  table.rounds.leave(table.seats.get(gone) as Seat<Sender>)
  table.send(4 * QUANTUM_BYTES)
  assert.equal(gone.sentBytes, 0)
  table.order.length = 0
  table.more(gone, 10)
  table.send(QUANTUM_BYTES)
  assert.equal(table.order[0], 'gone')
})

test('whatever comes and goes, all is sent and the rounds are empty then', () => {
  const step = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 100_000 }), fc.nat(100_000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const table = new Table()
      const flows = Array.from({ length: 10 }, (_, i) => table.add(`${i}`, `${i % 3}`, 0, 5000))
      let due = 0
      for (const [i, bytes, room] of steps) {
        const flow = flows[i]
        if (flow) table.more(flow, bytes)
        due += bytes
        table.send(room)
      }
      table.send(Number.POSITIVE_INFINITY)
      assert.equal(
        flows.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
        due,
      )
      assert.ok(table.rounds.isEmpty)
    }),
  )
})
