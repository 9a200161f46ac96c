import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../edge/house/until.ts'
import { besieged } from './resume/asker.ts'

test('a live flow is not handed to another session that knows its id, and does not notice', async (t) => {
  const { mallory, flowId, instance, probe, house } = await besieged(t)
  const answer = await mallory.resume({ flowId, instance, attempt: 9 })
  assert.deepEqual(answer, {
    code: 'resume-mismatch',
    reason: 'there is no such flow to resume',
  })
  probe.say(' still')
  await probe.hears('mine still')
  const rows = await house.records({ name: 'wiki' })
  assert.deepEqual(
    rows.map(({ who, state, code }) => [who.label, state, code]),
    [
      ['alice@example.com', 'open', undefined],
      ['mallory@example.com', 'refused', 'resume-mismatch'],
    ],
  )
})

test('a detached flow is not either: its connector knows whose it is', async (t) => {
  const { mallory, alice, flowId, instance, house, assertUnharmed } = await besieged(t)
  alice.endpoint.lose('the cable is cut')
  await until(() => house.board.gate.liveCount === 0)
  const answer = await mallory.resume({ flowId, instance, attempt: 9 })
  assert.equal(answer !== 'resumed' && answer.code, 'resume-mismatch')
  await assertUnharmed()
  const rows = await house.records()
  assert.deepEqual(
    rows.map(({ who, state, code }) => [who.label, state, code]),
    [
      ['alice@example.com', 'open', undefined],
      ['mallory@example.com', 'refused', 'resume-mismatch'],
    ],
  )
})
