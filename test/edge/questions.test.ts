import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Questions } from '../../edge/questions.ts'
import type { Resolve, Resolved } from '../../tunnel/control.ts'
import { makeClock } from './clock.ts'

class Tunnel {
  readonly sent: (Resolve | Resolved)[] = []
  send(message: Resolve | Resolved): void {
    this.sent.push(message)
  }
}

function house() {
  const clock = makeClock()
  const connector = new Tunnel()
  const world = { mayAsk: true, isUp: true, asked: [] as string[] }
  const questions = new Questions<Tunnel>({
    clock,
    gate: {
      mayAsk: ({ name }) => {
        world.asked.push(name)
        return world.mayAsk
      },
    },
    pickForQuestion: () =>
      world.isUp
        ? { kind: 'picked', tunnel: connector, connector: { id: 'c', name: 'hq', grants: [] } }
        : { kind: 'connector-down' },
  })
  return { clock, connector, world, questions, client: new Tunnel() }
}

const ask = (id: number, name = 'mx.corp.internal', type = 'MX'): Resolve => ({
  kind: 'resolve',
  id,
  name,
  type,
})

const answer = (id: number): Resolved => ({
  kind: 'resolved',
  id,
  answer: 'exists',
  ttlSeconds: 60,
  records: [],
})

const answersOf = (tunnel: Tunnel) =>
  tunnel.sent.map((message) => [message.id, 'answer' in message ? message.answer : '?'])

test('a question goes to the connector under an id of the edge, and its answer back', () => {
  const { questions, connector, client } = house()
  const other = new Tunnel()
  questions.ask(client, 's1', ask(7))
  questions.ask(other, 's2', ask(7))
  const [first, second] = connector.sent
  assert.notEqual(first?.id, second?.id)
  assert.deepEqual(first, { ...ask(7), id: first?.id })
  questions.answer(connector, answer(second?.id ?? 0))
  questions.answer(connector, answer(first?.id ?? 0))
  assert.deepEqual(client.sent, [answer(7)])
  assert.deepEqual(other.sent, [answer(7)])
  assert.equal(questions.waitingCount, 0)
})

test('who may not reach the name is told that it is absent, and no connector hears of it', () => {
  const { questions, connector, client, world } = house()
  world.mayAsk = false
  questions.ask(client, 's1', ask(1))
  assert.deepEqual(answersOf(client), [[1, 'absent']])
  assert.deepEqual(connector.sent, [])
})

test('service labels are asked of whoever has the name below them', () => {
  const { questions, connector, client, world } = house()
  questions.ask(client, 's1', ask(1, '_ldap._tcp.corp.internal', 'SRV'))
  assert.deepEqual(world.asked, ['corp.internal'])
  assert.equal((connector.sent[0] as Resolve).name, '_ldap._tcp.corp.internal')
})

for (const name of ['', '..', '10.0.0.1', '_ldap._tcp', 'a b.corp.internal', '_tcp._x.10.0.0.1']) {
  test(`${JSON.stringify(name)} is absent without asking anybody`, () => {
    const { questions, client, connector, world } = house()
    questions.ask(client, 's1', ask(1, name))
    assert.deepEqual(answersOf(client), [[1, 'absent']])
    assert.deepEqual([connector.sent, world.asked], [[], []])
  })
}

test('a connector that is away, goes away or does not answer is a failure, not an absence', () => {
  const { questions, client, connector, world, clock } = house()
  world.isUp = false
  questions.ask(client, 's1', ask(1))
  world.isUp = true
  questions.ask(client, 's1', ask(2))
  questions.gone(connector)
  questions.ask(client, 's1', ask(3))
  clock.advance(5000)
  assert.deepEqual(answersOf(client), [
    [1, 'failed'],
    [2, 'failed'],
    [3, 'failed'],
  ])
  assert.equal(questions.waitingCount, 0)
})

test('an answer from a connector that was not asked, or a second one, is dropped', () => {
  const { questions, client, connector } = house()
  questions.ask(client, 's1', ask(1))
  const id = connector.sent[0]?.id ?? 0
  questions.answer(new Tunnel(), answer(id))
  assert.deepEqual(client.sent, [])
  questions.answer(connector, answer(id))
  questions.answer(connector, answer(id))
  assert.equal(client.sent.length, 1)
})

test('one client cannot fill the table: its 257th waiting question fails at once', () => {
  const { questions, client, connector } = house()
  for (let id = 1; id <= 257; id++) questions.ask(client, 's1', ask(id))
  assert.deepEqual(answersOf(client), [[257, 'failed']])
  assert.equal(connector.sent.length, 256)
  const other = new Tunnel()
  questions.ask(other, 's2', ask(1))
  assert.equal(connector.sent.length, 257)
})

test('many clients together cannot make a connector close its tunnel over their questions', () => {
  const { questions, connector, clock } = house()
  const clients = Array.from({ length: 40 }, () => new Tunnel())
  for (const client of clients) {
    for (let id = 1; id <= 150; id++) {
      questions.ask(client, 's1', ask(id))
      const last = connector.sent.at(-1)
      if (last) questions.answer(connector, answer(last.id))
    }
  }
  assert.equal(connector.sent.length, 4000)
  clock.advance(1000)
  for (let id = 1; id <= 255; id++) questions.ask(clients[0] as Tunnel, 's1', ask(id))
  assert.equal(connector.sent.length, 4255)
})

test('the questions of a client that left are forgotten, and a late answer goes nowhere', () => {
  const { questions, client, connector } = house()
  questions.ask(client, 's1', ask(1))
  questions.gone(client)
  assert.equal(questions.waitingCount, 0)
  questions.answer(connector, answer(connector.sent[0]?.id ?? 0))
  assert.deepEqual(client.sent, [])
})
