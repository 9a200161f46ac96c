import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ALICE_READS, app, startHouse } from './house/house.ts'
import { clientFlows, connectorFlows } from './house/outliving.ts'
import { until } from './house/until.ts'

/** A house whose connector and whose alice keep their flows when a tunnel goes. */
async function houseOf(t: TestContext) {
  const house = await startHouse(t)
  const site = house.site('hq', 'domain:corp.internal')
  const held = connectorFlows()
  const hq = await site.dial({ flows: held })
  hq.announce(app('wiki.corp.internal'), app('db.corp.internal'))
  const flows = clientFlows()
  const device = house.person('alice@example.com')
  const alice = await device.dial({ flows })
  await alice.knows('wiki.corp.internal')
  const again = () => device.dial({ flows })
  return { house, site, hq, held, flows, alice, device, again }
}

test('a flow whose client lost its tunnel comes back over another, and its record tells it', async (t) => {
  const { house, flows, alice, again } = await houseOf(t)
  const probe = await alice.open('wiki.corp.internal').answered()
  probe.say('one')
  await probe.hears('one')
  alice.endpoint.lose('the cable is cut')
  probe.say('two')
  await until(() => house.board.gate.liveCount === 0)
  const [away] = await house.records()
  assert.deepEqual([away?.state, away?.bytesUp, away?.attempt], ['detached', 3, 1])
  assert.equal(house.board.tunnels.counts().connector, 1)

  flows.resumeOn((await again()).endpoint)
  await probe.hears('onetwo')
  const [back, ...others] = await house.records()
  assert.deepEqual([back?.state, back?.attempt, others.length], ['open', 2, 0])
  probe.flow.end()
  await until(() => house.board.gate.liveCount === 0)
  const [row] = await house.records()
  assert.deepEqual(
    [row?.state, row?.bytesUp, row?.bytesDown, row?.edge, probe.end],
    ['done', 6, 6, 'edge', undefined],
  )
})

test('a flow whose connector lost its tunnel waits for that process and for no other', async (t) => {
  const { house, site, hq, held, flows, alice } = await houseOf(t)
  const probe = await alice.open('wiki.corp.internal').answered()
  const other = await site.dial({ instance: `${site.connectorId}.2`, flows: connectorFlows() })
  other.announce(app('wiki.corp.internal'))
  hq.endpoint.lose('the cable is cut')
  await until(() => flows.detachedCount === 1)
  flows.resumeOn(alice.endpoint)
  await until(() => house.board.heldCount === 1)
  probe.say('still here')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(probe.text, '')
  const back = await site.dial({ flows: held })
  back.announce(app('wiki.corp.internal'))
  await probe.hears('still here')
  assert.equal(other.endpoint.flowCount, 0)
  assert.equal(house.board.gate.findLive(probe.flowId)?.attempt, 2)
})

test('a flow that the client takes over to a younger tunnel leaves the older one, which goes on', async (t) => {
  const { house, flows, alice, again } = await houseOf(t)
  const moved = await alice.open('wiki.corp.internal').answered()
  const younger = await again()
  flows.move(alice.endpoint, younger.endpoint)
  moved.say('moved')
  await moved.hears('moved')
  assert.deepEqual([alice.endpoint.flowCount, younger.endpoint.flowCount], [0, 1])
  assert.equal(house.board.gate.liveCount, 1)
  const fresh = await alice.open('db.corp.internal').answered()
  assert.ok(fresh.opened)
  alice.close()
  await alice.closed
  moved.say(' on')
  await moved.hears('moved on')
})

test('a policy that changed while a flow was away ends it when it comes back', async (t) => {
  const { house, flows, alice, again } = await houseOf(t)
  const probe = await alice.open('wiki.corp.internal').answered()
  alice.endpoint.lose('the cable is cut')
  await until(() => house.board.gate.liveCount === 0)
  const stays = 'block:\n  no-wiki: { who: alice@example.com, to: wiki.corp.internal }\n'
  await house.setPolicy(ALICE_READS + stays)
  await until(() => house.policyStatus().rules === 2)
  flows.resumeOn((await again()).endpoint)
  const { code, reason } = await probe.reset()
  assert.deepEqual([code, reason], ['policy-changed', 'rule no-wiki blocks it'])
  const rows = await house.records()
  assert.deepEqual(
    rows.map(({ state, code, by, rule }) => [state, code, by, rule]),
    [
      ['reset', 'policy-changed', 'edge', 'alice-reads-the-wiki'],
      ['refused', 'policy-changed', undefined, 'no-wiki'],
    ],
  )
})

test('a live flow that came back is still judged and cut like any other', async (t) => {
  const { house, flows, alice, again } = await houseOf(t)
  const probe = await alice.open('wiki.corp.internal').answered()
  alice.endpoint.lose('the cable is cut')
  flows.resumeOn((await again()).endpoint)
  await until(() => house.board.gate.findLive(probe.flowId)?.isAnswered === true)
  await house.setPolicy('version: 1\n')
  assert.equal((await probe.reset()).code, 'policy-changed')
})

test('an OPEN that is sent again takes the place of the one whose answer is under way', async (t) => {
  const house = await startHouse(t)
  const site = house.site('hq', 'domain:corp.internal')
  let asked = 0
  const hq = await site.dial({ flows: connectorFlows(), incoming: () => void asked++ })
  hq.announce(app('wiki.corp.internal'))
  const device = house.person('alice@example.com')
  const [alice, younger] = [await device.dial(), await device.dial()]
  await alice.knows('wiki.corp.internal')
  const first = alice.open('wiki.corp.internal')
  await until(() => asked === 1)
  const { flowId } = first
  younger.open('wiki.corp.internal', 80, { flowId, attempt: 2 })
  await until(() => house.board.gate.findLive(flowId)?.attempt === 2)
  assert.equal(house.board.gate.liveCount, 1)
  const third = await alice.open('wiki.corp.internal', 80, { flowId, attempt: 2 }).answered()
  assert.equal(third.refusal?.code, 'protocol-error', 'not without a higher attempt')
})

test('what a flow without resume was, it is: its tunnel goes, and it is reset', async (t) => {
  const house = await startHouse(t)
  const { peer } = await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const probe = await alice.open('wiki.corp.internal').answered()
  peer.endpoint.lose('the cable is cut')
  assert.equal((await probe.reset()).code, 'tunnel-lost')
})
