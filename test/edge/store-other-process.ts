/** The other process of store-sqlite.test.ts: writes a time, waits to see the answer, twenty times. */
import { openSqliteStore } from '../../edge/store/sqlite.ts'

const store = await openSqliteStore({ path: process.argv[2] ?? '' })
const stop = new AbortController()
let count = 0
for await (const change of store.follow({ prefix: 'seen/', cursor: 0, signal: stop.signal })) {
  if (change.kind === 'delete' || change.kind === 'reset') continue
  if (change.kind === 'caught-up' && count > 0) continue
  if (count === 20) stop.abort()
  else await store.create(`x/${count++}`, Date.now())
}
await store.close()
