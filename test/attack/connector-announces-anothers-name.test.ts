import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

test('a name outside the grant draws no flow, is said to the admin and logged; the owner is unhurt', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  let stolen = 0
  const rogue = await house.site('rogue', 'lab.corp.internal', '*.test.corp.internal').dial({
    incoming: (open) => {
      stolen++
      open.refuse('internal', 'mine now')
    },
  })
  const claims = [
    'wiki.corp.internal',
    '*.corp.internal',
    'domain:corp.internal',
    'domain:internal',
    'domain:test.corp.internal',
    'lab.corp.internal.evil.example',
    'evil-lab.corp.internal',
    'a.b.test.corp.internal',
    'test.corp.internal',
  ]
  rogue.announce(...claims.map((claim) => app(claim)), app('lab.corp.internal'))
  await until(() => rogue.notices.length === claims.length)
  for (const notice of rogue.notices) {
    assert.deepEqual([notice.level, notice.code], ['error', 'ERR_ANNOUNCE_REFUSED'])
  }
  assert.match(rogue.notices[0]?.text ?? '', /rogue may not publish wiki\.corp\.internal/)
  const logged = house.lines.filter(({ event }) => event === 'announce-refused')
  assert.deepEqual(new Set(logged.map(({ pattern }) => pattern)), new Set(claims))
  const alice = await house.person('alice@example.com').dial()
  await alice.knows('lab.corp.internal')
  assert.deepEqual(alice.catalog?.entries.map(({ pattern }) => pattern).sort(), [
    'lab.corp.internal',
    'wiki.corp.internal',
  ])
  const probes = await Promise.all(
    Array.from({ length: 20 }, () => alice.open('wiki.corp.internal').answered()),
  )
  assert.ok(probes.every(({ opened }) => opened))
  assert.equal(stolen, 0)
})

test('an answer to a question that another connector was asked goes nowhere', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const rogue = await house.site('rogue', 'lab.corp.internal').dial()
  const alice = await house.person('alice@example.com').dial()
  alice.endpoint.send({ kind: 'resolve', id: 1, name: 'wiki.corp.internal', type: 'A' })
  await until(() => hq.peer.of('resolve').length === 1)
  const id = hq.peer.of('resolve')[0]?.id ?? 0
  for (let guess = 0; guess < 100; guess++) {
    const answer = { kind: 'resolved', id: guess, answer: 'exists', ttlSeconds: 9 } as const
    rogue.endpoint.send({ ...answer, records: [] })
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(alice.of('resolved').length, 0)
  const answer = { kind: 'resolved', id, answer: 'absent', ttlSeconds: 9, records: [] } as const
  hq.peer.endpoint.send(answer)
  await until(() => alice.of('resolved').length === 1)
  assert.equal(alice.of('resolved')[0]?.answer, 'absent')
})

test('an announcement that is withdrawn cuts the flows it carried', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal', 'db.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  const other = await alice.open('db.corp.internal').answered()
  hq.peer.announce(app('db.corp.internal'))
  assert.equal((await flow.reset()).code, 'not-published')
  other.say('still here')
  await other.hears('still here')
})

test('a connector that announces without a pause costs little, and its last word counts', async (t) => {
  const house = await startHouse(t)
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  const told = alice.of('catalog').length
  for (let round = 0; round < 1000; round++) {
    hq.peer.announce(app('wiki.corp.internal'), app(`app-${round}.corp.internal`))
  }
  await alice.knows('app-999.corp.internal')
  assert.equal(alice.catalog?.entries.length, 2)
  assert.ok(alice.of('catalog').length - told <= 25, `${alice.of('catalog').length} catalogues`)
  flow.say('still here')
  await flow.hears('still here')
})
