import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../edge/house/until.ts'
import { besieged } from './resume/asker.ts'

test('a RESUME that was sent before takes nothing back: not from the edge, not from the connector', async (t) => {
  const { house, alice, device, flows, probe, flowId, instance, alicesOther } = await besieged(t)
  alice.endpoint.lose('the cable is cut')
  await until(() => house.board.gate.liveCount === 0)
  const back = await device.dial({ flows })
  flows.resumeOn(back.endpoint)
  probe.say(' back')
  await probe.hears('mine back')
  const asker = await alicesOther()
  for (const attempt of [1, 2]) {
    const answer = await asker.resume({ flowId, instance, attempt })
    assert.equal(answer !== 'resumed' && answer.code, 'resume-mismatch', `attempt ${attempt}`)
  }
  back.endpoint.lose('the cable is cut again')
  await until(() => house.board.gate.liveCount === 0)
  const late = await asker.resume({ flowId, instance, attempt: 2 })
  assert.equal(late !== 'resumed' && late.code, 'resume-mismatch', 'the connector counts as well')
})
