import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncomingOpen } from '../../tunnel/endpoint.ts'
import { readConnectorContext } from '../../tunnel/messages/open-context.ts'
import { app, startHouse } from './house/house.ts'
import { echo, type Peer } from './house/peer.ts'
import { until } from './house/until.ts'

test('a flow goes from a client through the gate to the connector, and its record tells all', async (t) => {
  const house = await startHouse(t)
  const opens: IncomingOpen[] = []
  const site = house.site('hq', 'domain:corp.internal')
  const hq = await site.dial({
    incoming: (open) => {
      opens.push(open)
      echo(open, `${site.connectorId}.1`)
    },
  })
  hq.announce(app('wiki.corp.internal'))
  const alice = await house.person('alice@example.com').dial()
  await alice.knows('wiki.corp.internal')
  const probe = alice.open('wiki.corp.internal')
  probe.say('hello')
  await probe.hears('hello')
  const [open] = opens
  assert.deepEqual([open?.name, open?.port, open?.protocol], ['wiki.corp.internal', 80, 'tcp'])
  assert.deepEqual(readConnectorContext(open?.context ?? new Uint8Array()), {
    who: { kind: 'person', label: 'alice@example.com' },
    rule: 'alice-reads-the-wiki',
    session: alice.ready.you.kind === 'client' ? alice.ready.you.sessionId : '',
  })
  assert.equal((await house.records())[0]?.state, 'open')
  probe.flow.end()
  await until(() => probe.hasEnded)
  await until(() => house.board.gate.liveCount === 0)
  const [row] = await house.records()
  assert.equal(row?.state, 'done')
  assert.deepEqual([row?.bytesUp, row?.bytesDown, row?.rule], [5, 5, 'alice-reads-the-wiki'])
  assert.deepEqual(row?.connector, { id: site.connectorId, name: 'hq' })
  assert.equal(row?.instance, `${site.connectorId}.1`)
  const agreed = 'X25519MLKEM768'
  assert.deepEqual(row?.keyAgreementReported, { client: agreed, connector: agreed })
  const { gate, relay, resolve, connect } = row?.micros ?? {}
  assert.ok((gate ?? -1) >= 0 && (relay ?? -1) >= 0 && resolve === 1 && connect === 2)
})

test('a person who is refused is told why, and the record names them', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const bob = await house.person('bob@example.com').dial()
  const { refusal } = await bob.open('wiki.corp.internal').answered()
  assert.deepEqual([refusal?.code, refusal?.reason], ['policy-denied', 'no rule allows it'])
  const [row] = await house.records({ denied: true })
  assert.deepEqual(
    [row?.who.label, row?.code, row?.state],
    ['bob@example.com', 'policy-denied', 'refused'],
  )
})

const REFUSALS: [string, number, string][] = [
  ['nothing.corp.internal', 80, 'no-such-name'],
  ['example.com', 443, 'no-such-name'],
  ['wiki.corp.internal', 443, 'not-published'],
  ['wiki.corp.internal', 22, 'policy-denied'],
]
for (const [name, port, code] of REFUSALS) {
  test(`${name}:${port} is refused as ${code}`, async (t) => {
    const house = await startHouse(t)
    await house.publish('hq', 'wiki.corp.internal')
    const alice = await house.person('alice@example.com').dial()
    const { refusal } = await alice.open(name, port).answered()
    assert.equal(refusal?.code, code)
  })
}

test('a connector that went away leaves its names, refused as connector-down, and picks up again', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  hq.peer.close()
  await until(() => house.board.tunnels.counts().connector === 0)
  const { refusal } = await alice.open('wiki.corp.internal').answered()
  assert.equal(refusal?.code, 'connector-down')
  assert.equal(alice.catalog?.entries.length, 1)
  const again = await hq.dial()
  again.announce(app('wiki.corp.internal'))
  await until(() => house.board.registry.seats()[0]?.tunnels.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const { opened } = await alice.open('wiki.corp.internal').answered()
  assert.ok(opened)
})

test('two connectors of one name share its flows, and a dead one gets none at once', async (t) => {
  const house = await startHouse(t)
  const taken = { a: 0, b: 0 }
  const peers = new Map<string, Peer>()
  for (const label of ['a', 'b'] as const) {
    const peer = await house.site(label, 'wiki.corp.internal').dial({
      incoming: (open) => {
        taken[label]++
        echo(open)
      },
    })
    peer.announce(app('wiki.corp.internal'))
    peers.set(label, peer)
  }
  const alice = await house.person('alice@example.com').dial()
  await until(() => house.board.registry.seats().every(({ offers }) => offers.length === 1))
  await Promise.all(Array.from({ length: 40 }, () => alice.open('wiki.corp.internal').answered()))
  assert.ok(taken.a >= 15 && taken.b >= 15, JSON.stringify(taken))
  peers.get('a')?.close()
  await until(() => house.board.tunnels.counts().connector === 1)
  const before = taken.b
  await Promise.all(Array.from({ length: 10 }, () => alice.open('wiki.corp.internal').answered()))
  assert.equal(taken.b - before, 10)
})

test('a connector that drains is passed over, and its flows go on', async (t) => {
  const house = await startHouse(t)
  const [a, b] = [
    await house.publish('a', 'wiki.corp.internal'),
    await house.publish('b', 'wiki.corp.internal'),
  ]
  const alice = await house.person('alice@example.com').dial()
  const early = await Promise.all(
    Array.from({ length: 8 }, () => alice.open('wiki.corp.internal').answered()),
  )
  a.peer.endpoint.goAway()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const before = b.peer.endpoint.flowCount
  const late = await Promise.all(
    Array.from({ length: 8 }, () => alice.open('wiki.corp.internal').answered()),
  )
  assert.ok(late.every(({ opened }) => opened))
  assert.equal(b.peer.endpoint.flowCount, before + 8)
  for (const probe of early) probe.say('still here')
  await Promise.all(early.map((probe) => probe.hears('still here')))
})

test('a flow id that is in use is refused, and the flow that has it is left alone', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const mallory = await house.person('alice@example.com').dial()
  const first = await alice.open('wiki.corp.internal').answered()
  const second = await mallory.open('wiki.corp.internal', 80, { flowId: first.flowId }).answered()
  assert.equal(second.refusal?.code, 'protocol-error')
  assert.equal(house.board.gate.findLive(first.flowId)?.flowId, first.flowId)
  first.say('mine')
  await first.hears('mine')
})

test('an unlisted app is absent in catalogue and refusal for whoever may not reach it', async (t) => {
  const policy = `version: 1
apps: { payroll.corp.internal: { unlisted: true } }
allow:
  all-read-the-wiki: { who: "*@example.com", to: wiki.corp.internal, ports: 80 }
  alice-pays: { who: alice@example.com, to: payroll.corp.internal, ports: 80 }
`
  const house = await startHouse(t, { policy })
  await house.publish('hq', 'wiki.corp.internal', 'payroll.corp.internal')
  const [alice, bob] = [
    await house.person('alice@example.com').dial(),
    await house.person('bob@example.com').dial(),
  ]
  await alice.knows('payroll.corp.internal')
  await bob.knows('wiki.corp.internal')
  assert.equal(bob.catalog?.entries.length, 1)
  const hidden = await bob.open('payroll.corp.internal').answered()
  const absent = await bob.open('nothing.corp.internal').answered()
  assert.deepEqual(hidden.refusal, absent.refusal)
  const [row] = await house.records({ name: 'payroll' })
  assert.equal(row?.code, 'policy-denied')
})

test('a question passes the gate to the connector and its answer comes back', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const [alice, bob] = [
    await house.person('alice@example.com').dial(),
    await house.person('bob@example.com').dial(),
  ]
  const question = { kind: 'resolve', id: 5, name: 'wiki.corp.internal', type: 'TXT' } as const
  bob.endpoint.send(question)
  await until(() => bob.of('resolved').length === 1)
  assert.equal(bob.of('resolved')[0]?.answer, 'absent')
  alice.endpoint.send(question)
  await until(() => hq.peer.of('resolve').length === 1)
  const [asked] = hq.peer.of('resolve')
  const records = [{ name: 'wiki.corp.internal', type: 'TXT', ttl: 60, dataBase64: 'AWE=' }]
  const answer = { kind: 'resolved', id: asked?.id ?? 0, answer: 'exists' } as const
  hq.peer.endpoint.send({ ...answer, ttlSeconds: 60, records })
  await until(() => alice.of('resolved').length === 1)
  assert.deepEqual(alice.of('resolved')[0]?.records, records)
  assert.equal(alice.of('resolved')[0]?.id, 5)
})
