import assert from 'node:assert/strict'
import { test } from 'node:test'
import { besieged } from './resume/asker.ts'

const OTHERWISE = [
  ['another name that is allowed', { name: 'db.corp.internal' }],
  ['another port that is allowed', { port: 443 }],
] as const
for (const [what, how] of OTHERWISE) {
  test(`a flow of one's own does not come back under ${what}`, async (t) => {
    const { alice, alicesOther, flowId, instance, assertUnharmed } = await besieged(t)
    alice.endpoint.lose('the cable is cut')
    const answer = await (await alicesOther()).resume({ flowId, instance, attempt: 9, ...how })
    assert.equal(answer !== 'resumed' && answer.code, 'resume-mismatch')
    await assertUnharmed()
  })
}

const UNREADABLE = [
  ['another spelling', 'WIKI.corp.internal', 'protocol-error'],
  ['an address', '127.0.0.1', 'no-such-name'],
  ['a name with a dot too much', 'wiki.corp.internal.', 'no-such-name'],
] as const
for (const [what, name, code] of UNREADABLE) {
  test(`${what} of a name that was judged is not judged as that name`, async (t) => {
    const { alicesOther, flowId, instance } = await besieged(t)
    const asker = await alicesOther()
    const answer = await Promise.race([
      asker.resume({ flowId, instance, attempt: 9, name }),
      asker.closed,
    ])
    assert.equal(answer !== 'resumed' && answer.code, code)
  })
}
