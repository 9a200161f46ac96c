import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { besieged } from './resume/asker.ts'

test('an id that nobody has is refused as one that somebody else has', async (t) => {
  const { mallory, flowId, instance, assertUnharmed } = await besieged(t)
  const theirs = await mallory.resume({ flowId, instance, attempt: 9 })
  const guessed = await mallory.resume({ flowId: randomBytes(16).toString('hex'), instance })
  assert.deepEqual(guessed, theirs)
  await assertUnharmed()
})

test('the name of a connector process that is not here tells nothing, and opens nothing elsewhere', async (t) => {
  const { mallory, site, hq, house } = await besieged(t)
  const before = hq.endpoint.flowCount
  const wrong = ['', site.connectorId, `${site.connectorId}.2`, 'con_0000.1']
  for (const instance of wrong) {
    void mallory.resume({ flowId: randomBytes(16).toString('hex'), instance })
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, 200)
  await promise
  assert.equal(house.board.heldCount, wrong.length)
  assert.equal(hq.endpoint.flowCount, before)
})
