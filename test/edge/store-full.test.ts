import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

/** Fills a small file system of its own, makes room again, and says what the store said. */
const SCRIPT = `
import { rmSync } from 'node:fs'
import { openSqliteStore } from '${new URL('../../edge/store/sqlite.ts', import.meta.url)}'
const codes = []
const note = (promise) => promise.then((result) => codes.push(result.kind ?? 'kept'), (error) => codes.push(error.code))
const path = process.argv[1] + '/store.db'
const store = await openSqliteStore({ path })
let kept = 0
while (codes.at(-1) !== 'ERR_STORE_FULL') {
  await note(store.create('key/' + kept, 'x'.repeat(20_000)))
  kept++
}
await note(store.append('log', 1))
codes.push((await store.list('key/')).length === kept - 1)
rmSync(process.argv[1] + '/filler')
await note(store.create('after', 1))
await store.close()
const again = await openSqliteStore({ path })
codes.push((await again.list('key/')).length === kept - 1, (await again.get('after'))?.value)
await again.close()
console.log(JSON.stringify(codes.filter((code, at) => code !== 'written' || at >= kept)))
`

describe('a store on a full disk', () => {
  it('says so, goes on reading, and writes again when there is room', async (t) => {
    const isolated = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
    if (isolated.status !== 0) return t.skip('no mount namespace can be made here')
    const steps =
      'mount -t tmpfs -o size=3m none /mnt && head -c 1500000 /dev/zero > /mnt/filler && ' +
      'exec "$0" --input-type=module -e "$1" /mnt'
    const args = ['-rm', 'sh', '-c', steps, process.execPath, SCRIPT]
    const { stdout } = await promisify(execFile)('unshare', args)
    assert.deepEqual(JSON.parse(stdout), [
      'ERR_STORE_FULL',
      'ERR_STORE_FULL',
      true,
      'written',
      true,
      1,
    ])
  })
})
