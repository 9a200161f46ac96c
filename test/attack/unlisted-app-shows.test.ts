import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

const POLICY = `version: 1
apps:
  payroll.corp.internal: { unlisted: true }
  "domain:secret.example": { unlisted: true }
allow:
  alice: { who: alice@example.com, to: "domain:corp.internal", ports: 80 }
  bob: { who: bob@example.com, to: wiki.corp.internal, ports: 80 }
`

test('comings and goings of an unlisted app do not show in the catalogues of others', async (t) => {
  const house = await startHouse(t, { policy: POLICY })
  const hq = await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const bob = await house.person('bob@example.com').dial()
  await bob.knows('wiki.corp.internal')
  const told = bob.of('catalog').length
  for (const ports of [[80], [80, 81], [443]]) {
    hq.peer.announce(app('wiki.corp.internal'), app('payroll.corp.internal', ...ports))
    const last = ports.at(-1)
    await until(
      () =>
        alice.catalog?.entries.some(
          ({ pattern, ports: seen }) =>
            pattern === 'payroll.corp.internal' && seen.at(-1)?.to === last,
        ) ?? false,
    )
  }
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(bob.of('catalog').length, told)
})

test('the zone that an unlisted app’s own grant makes is hidden as the app is', async (t) => {
  const house = await startHouse(t, { policy: POLICY })
  await house.publish('hq', 'wiki.corp.internal')
  for (const own of ['payroll.corp.internal', 'secret.example']) {
    const peer = await house.site(`of-${own[0]}`, `domain:${own}`).dial()
    peer.announce(app(own))
  }
  const alice = await house.person('alice@example.com').dial()
  const bob = await house.person('bob@example.com').dial()
  await alice.knows('payroll.corp.internal')
  await bob.knows('wiki.corp.internal')
  assert.deepEqual(bob.catalog?.zones, ['corp.internal'])
  assert.deepEqual(alice.catalog?.zones, ['corp.internal', 'payroll.corp.internal'])
})

test('OPEN and RESOLVE say of an unlisted app what they say of a name that nobody publishes', async (t) => {
  const house = await startHouse(t, { policy: POLICY })
  await house.publish('hq', 'wiki.corp.internal', 'payroll.corp.internal')
  const bob = await house.person('bob@example.com').dial()
  const names = ['payroll.corp.internal', 'nothing.corp.internal']
  const refusals = []
  for (const name of names) refusals.push((await bob.open(name).answered()).refusal)
  assert.deepEqual(refusals[0], refusals[1])
  for (const [id, name] of names.entries()) {
    bob.endpoint.send({ kind: 'resolve', id, name, type: 'A' } as never)
  }
  await until(() => bob.of('resolved').length === 2)
  const [one, other] = bob.of('resolved')
  assert.deepEqual({ ...one, id: 0 }, { ...other, id: 0 })
})
