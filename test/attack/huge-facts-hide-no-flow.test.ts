import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHouse } from '../edge/house/house.ts'
import { Peer } from '../edge/house/peer.ts'

const LONG = 'r'.repeat(60)
const POLICY = `version: 1
allow:
  ${LONG}: { who: alice@example.com, to: wiki.corp.internal, ports: 80 }
`

test('a device that says all it may about itself, under a rule with a long name, is recorded', async (t) => {
  const house = await startHouse(t, { policy: POLICY })
  await house.publish('hq', 'wiki.corp.internal')
  const { key, sessionId } = house.person('alice@example.com')
  const pairs = Array.from({ length: 64 }, (_, at) => [`k${at}`.padEnd(64, 'x'), 'é'.repeat(512)])
  const facts = Object.fromEntries(pairs.slice(0, 12))
  const credential = { kind: 'session', token: sessionId } as const
  const alice = await Peer.dial(house.target, { role: 'client', credential, key, facts })
  alice.endpoint.send({ kind: 'facts', facts: Object.fromEntries(pairs) })
  const open = await alice.open('wiki.corp.internal').answered()
  assert.ok(open.opened)
  await alice.open('wiki.corp.internal', 81).answered()
  const rows = await house.records()
  assert.deepEqual(
    rows.map(({ state }) => state),
    ['open', 'refused'],
  )
  assert.equal(house.board.flows.lost, 0)
  assert.equal(Object.keys(rows[0]?.device.selfReported ?? {}).length, 16)
})
