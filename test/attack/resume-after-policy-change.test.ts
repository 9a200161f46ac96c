import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'
import { besieged } from './resume/asker.ts'

const BOB_ONLY = `version: 1
allow:
  bob-reads: { who: bob@example.com, to: "domain:corp.internal", ports: 80 }
  bob-too: { who: bob@example.com, to: "domain:corp.internal", ports: 443 }
`

test('a flow that was away when its rule went is judged by the rules of today', async (t) => {
  const { house, alice, alicesOther, flowId, instance } = await besieged(t)
  alice.endpoint.lose('the cable is cut')
  await until(() => house.board.gate.liveCount === 0)
  await house.setPolicy(BOB_ONLY)
  await until(() => house.policyStatus().rules === 2)
  const answer = await (await alicesOther()).resume({ flowId, instance, attempt: 5 })
  assert.deepEqual(answer, { code: 'policy-changed', reason: 'no rule allows it' })
})

test('a flow that waits for its connector when its rule goes does not slip in with it', async (t) => {
  const { house, hq, site, alice, alicesOther, flowId, instance } = await besieged(t)
  alice.endpoint.lose('the cable is cut')
  hq.endpoint.lose('this one too')
  await until(() => house.board.tunnels.counts().connector === 0)
  const answer = (await alicesOther()).resume({ flowId, instance, attempt: 5 })
  await until(() => house.board.heldCount === 1)
  await house.setPolicy(BOB_ONLY)
  await until(() => house.policyStatus().rules === 2)
  const back = await site.dial()
  back.announce(app('wiki.corp.internal'))
  assert.deepEqual(await answer, { code: 'policy-changed', reason: 'no rule allows it' })
  assert.equal(back.endpoint.flowCount, 0)
})

test('a session that was ended gets nothing back', async (t) => {
  const { house, alice, alicesOther, device, flowId, instance } = await besieged(t)
  alice.endpoint.lose('the cable is cut')
  await until(() => house.board.gate.liveCount === 0)
  const asker = await alicesOther()
  await house.revokeSession(device.sessionId)
  void asker.resume({ flowId, instance, attempt: 5 })
  assert.equal((await asker.closed).code, 'session-revoked')
  assert.equal(house.board.gate.liveCount, 0)
})
