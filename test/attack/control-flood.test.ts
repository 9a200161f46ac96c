import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

test('a client that renews without end costs the edge a few renewals, and keeps its flows', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  for (let round = 0; round < 2000; round++) {
    alice.endpoint.send({ kind: 'renew', proof: `${round}` })
  }
  flow.say('still here')
  await flow.hears('still here')
  assert.ok(house.renewals() >= 1 && house.renewals() <= 15, `${house.renewals()}`)
})

test('a connector’s notices are written down as its own, and only so many', async (t) => {
  const house = await startHouse(t)
  const { peer } = await house.publish('hq', 'wiki.corp.internal')
  for (let round = 0; round < 2000; round++) {
    const text = `policy in force\n{"level":"info"} ${round}`
    peer.endpoint.send({ kind: 'notice', level: 'info', code: 'X', text, facts: { event: 'mine' } })
  }
  const noted = () => house.lines.filter(({ event }) => event === 'connector-notice')
  await until(() => noted().length >= 50)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(noted().length <= 55, `${noted().length}`)
  assert.ok(noted().every(({ connector }) => connector === 'hq'))
})
