import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, startHouse } from '../edge/house/house.ts'

const PORTS = Array.from({ length: 20 }, (_, at) => at + 1)

test('a connector that announces more than a CATALOG holds ends no edge and hides no other’s names', async (t) => {
  const house = await startHouse(t)
  const rogue = house.site('rogue', 'domain:lab.corp.internal')
  for (let one = 0; one < 3; one++) {
    const peer = await rogue.dial({ instance: `rogue.${one}` })
    const apps = Array.from({ length: 1000 }, (_, at) => `app${one}-${at}.lab.corp.internal`)
    peer.announce(...apps.map((name) => app(name, ...PORTS)))
  }
  const alice = await house.person('alice@example.com').dial()
  await alice.knows('app0-7.lab.corp.internal')
  // Enrolled last, and so at the end of whatever is cut.
  await house.publish('hq', 'wiki.corp.internal')
  await alice.knows('wiki.corp.internal')
  const flow = await alice.open('wiki.corp.internal').answered()
  assert.ok(flow.opened)
  const { entries = [] } = alice.catalog ?? {}
  assert.ok(entries.length > 500 && entries.length < 3001, `${entries.length} entries`)
  const bob = await house.person('bob@example.com').dial()
  await bob.knows('wiki.corp.internal')
})
