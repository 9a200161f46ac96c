import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncomingOpen } from '../../tunnel/endpoint.ts'
import { ALICE_READS, app, startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

/** A house in which a flow with early DATA waits for its connector, which has not answered yet. */
async function pendingFlow(t: Parameters<typeof startHouse>[0]) {
  const house = await startHouse(t)
  const hq = house.site('hq', 'domain:corp.internal')
  const opens: IncomingOpen[] = []
  const peer = await hq.dial({ incoming: (open) => void opens.push(open) })
  peer.announce(app('wiki.corp.internal'))
  const device = house.person('alice@example.com')
  const alice = await device.dial()
  await alice.knows('wiki.corp.internal')
  const flow = alice.open('wiki.corp.internal')
  flow.say('early')
  await until(() => opens.length === 1)
  return { house, hq, peer, opens, device, alice, flow }
}

type Pending = Awaited<ReturnType<typeof pendingFlow>>

const CAUSES: readonly [what: string, cause: (it: Pending) => unknown, code: string][] = [
  [
    'a policy change',
    ({ house }) =>
      house.setPolicy(`${ALICE_READS}block:\n  out: { who: anyone, to: wiki.corp.internal }\n`),
    'policy-changed',
  ],
  [
    'a session revoke',
    ({ house, device }) => house.revokeSession(device.sessionId),
    'session-revoked',
  ],
  [
    'a connector revoke',
    ({ house, hq }) => house.revokeConnector(hq.connectorId),
    'connector-revoked',
  ],
  ['a withdrawn app', ({ peer }) => peer.announce(app('db.corp.internal')), 'not-published'],
]

for (const [what, cause, code] of CAUSES) {
  test(`${what} between OPEN and OPENED cuts the flow, and a late OPENED is nothing`, async (t) => {
    const it = await pendingFlow(t)
    await cause(it)
    const { flow, opens, house } = it
    assert.equal((await flow.reset()).code, code)
    let heard = ''
    opens[0]?.accept(
      { instance: 'late', resolveMicros: 1, connectMicros: 1 },
      {
        data: (chunk) => {
          heard += Buffer.from(chunk).toString()
        },
        ended: () => undefined,
        reset: () => undefined,
        drained: () => undefined,
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(flow.opened, undefined)
    assert.equal(heard === '' || heard === 'early', true)
    assert.equal(house.board.gate.liveCount, 0)
  })
}

test('a second OPEN of a live flow’s id is refused and does not hide how the first one ended', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  flow.say('what I took')
  await flow.hears('what I took')
  // Over another tunnel, for an honest end keeps the ids of one apart.
  const again = await house.person('alice@example.com').dial()
  const copy = await again.open('wiki.corp.internal', 80, { flowId: flow.flowId }).answered()
  assert.equal(copy.refusal?.code, 'protocol-error')
  flow.flow.reset('cancelled')
  await until(() => house.board.gate.liveCount === 0)
  const rows = await house.records()
  assert.deepEqual(
    rows.map(({ state, bytesDown }) => [state, bytesDown]),
    [
      ['reset', 11],
      ['refused', undefined],
    ],
  )
})
