import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { House } from './house/house.ts'
import { whyNoRooms } from './house/room.ts'

const skip = whyNoRooms() ?? false
const FLOWS = 2000
const BYTES = 50_000

describe('many flows at once', { skip }, () => {
  let house: House
  before(async () => {
    house = new House('many')
    await house.up()
  })
  after(() => house?.close())

  test('2,000 flows at once all complete with their bytes equal', async () => {
    const web = path.join(house.services.directory, 'web')
    const body = Buffer.alloc(BYTES, 'many flows ')
    writeFileSync(path.join(web, 'piece'), body)
    const program = path.join(import.meta.dirname, 'house/many-clients.ts')
    const inside = program.replace(path.resolve(import.meta.dirname, '../..'), '/mnt')
    const node = process.execPath.replace(path.resolve(import.meta.dirname, '../..'), '/mnt')
    const ran = await house.byname(
      'alice',
      [node, inside, 'wiki.corp.internal', '/piece', String(FLOWS)],
      { timeoutMs: 120_000 },
    )
    const seen = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '{}')
    assert.equal(seen.atOnce, FLOWS, ran.stderr)
    assert.deepEqual(seen.bodies, { [`${BYTES}`]: FLOWS }, ran.stderr)
    assert.equal(seen.distinct, 1)
  })
})
