import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { until } from '../edge/house/until.ts'
import { Asker, besieged } from './resume/asker.ts'

const MANY = 12_000

test('a flood of RESUMEs for a connector that is away holds a bounded number, and others go on', async (t) => {
  const { house, mallory, site, probe } = await besieged(t)
  const elsewhere = `${site.connectorId}.9`
  const refused: string[] = []
  for (let at = 0; at < MANY; at++) {
    const flowId = randomBytes(16).toString('hex')
    void mallory
      .resume({ flowId, instance: elsewhere })
      .then((answer) => refused.push(answer === 'resumed' ? answer : answer.code))
  }
  await until(() => house.board.heldCount + refused.length >= 4096, 10_000)
  const begin = performance.now()
  probe.say(' still')
  await probe.hears('mine still')
  assert.ok(performance.now() - begin < 1000, 'others are served meanwhile')
  await until(() => house.board.heldCount + refused.length === MANY, 10_000)
  assert.ok(house.board.heldCount <= 10_000, `${house.board.heldCount}`)
  assert.equal(house.board.gate.liveCount, 1)
  assert.ok((await house.records()).length < 10, 'nothing of it fills the log')
})

test('what waits goes with its client, from every tunnel', async (t) => {
  const { house, site } = await besieged(t)
  const device = house.person('mallory@example.com')
  const askers = await Promise.all([1, 2, 3].map(() => Asker.dial(t, house.target, device)))
  for (const asker of askers) {
    for (let at = 0; at < 100; at++) {
      void asker.resume({
        flowId: randomBytes(16).toString('hex'),
        instance: `${site.connectorId}.9`,
      })
    }
  }
  await until(() => house.board.heldCount === 300)
  for (const asker of askers) asker.hangUp()
  await until(() => house.board.heldCount === 0)
})
