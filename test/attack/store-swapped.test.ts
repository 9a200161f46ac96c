import assert from 'node:assert/strict'
import { copyFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startIdentityEdge } from '../edge/identity-edge.ts'

test('a store whose file was replaced under the edge counts as one that cannot be read', async (t) => {
  const edge = await startIdentityEdge()
  t.after(() => edge.close())
  const file = path.join(edge.directory, 'store.db')
  await sleep(50)
  assert.ok(edge.now() - edge.store.lastReadAt() < 50 + 500)
  // A backup that is put back while the edge runs: what it writes and reads now is nobody else's.
  await copyFile(file, `${file}.backup`)
  await rename(`${file}.backup`, file)
  await sleep(2500)
  assert.ok(edge.now() - edge.store.lastReadAt() > 1000)
})

test('a store whose changes cannot be read counts as one that cannot be read, until they can', async (t) => {
  const edge = await startIdentityEdge()
  t.after(() => edge.close())
  const db = new DatabaseSync(path.join(edge.directory, 'store.db'))
  t.after(() => db.close())
  const put = (value: string) => {
    db.exec("update counters set value = value + 1 where name = 'revision'")
    db.prepare(
      `insert or replace into entries values ('session/x', ?,
       (select value from counters where name = 'revision'), null, null)`,
    ).run(value)
  }
  put('{ damaged')
  await sleep(1500)
  assert.ok(edge.now() - edge.store.lastReadAt() > 1000)
  put('{}')
  await sleep(1500)
  assert.ok(edge.now() - edge.store.lastReadAt() < 500)
})
