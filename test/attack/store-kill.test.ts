/** kill -9 of a process that writes: nothing that it was told is kept may be missing. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { openSqliteStore } from '../../edge/store/sqlite.ts'

const root = mkdtempSync(path.join(tmpdir(), 'byname-kill-'))
after(() => rmSync(root, { recursive: true }))

const WRITER = `
import { openSqliteStore } from '${new URL('../../edge/store/sqlite.ts', import.meta.url)}'
const store = await openSqliteStore({ path: process.argv[1] })
for (let i = 0; ; i++) {
  const [, , place] = await Promise.all([
    store.create('durable/' + i, i),
    store.create('ephemeral/' + i, i, { ephemeral: true }),
    store.append('log', { i }),
  ])
  process.stdout.write(i + '\\n')
}
`

describe('a store whose writer is killed', () => {
  for (const afterMs of [40, 90, 170]) {
    it(`has everything that was acknowledged in ${afterMs} ms`, async () => {
      const file = path.join(root, `${afterMs}.db`)
      const acknowledged = await runAndKill(file, afterMs)
      const store = await openSqliteStore({ path: file })
      for (let i = 0; i <= acknowledged; i++) {
        assert.equal((await store.get(`durable/${i}`))?.value, i)
        assert.equal((await store.get(`ephemeral/${i}`))?.value, i)
      }
      const entries = await store.list('durable/', { limit: 100_000 })
      const log = await store.read('log', { limit: 1_000 })
      assert.ok(log.length > acknowledged || log.length === 1_000)
      assert.ok(entries.length <= acknowledged + 2, 'no more than one write was under way')
      assert.deepEqual(
        log.map(({ record }) => (record as { i: number }).i),
        log.map((_, i) => i),
      )
      await store.close()
    })
  }
})

async function runAndKill(file: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    if (text === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    text += chunk
  })
  await once(child, 'close')
  // The last line may be cut: it was written before it was read, so it counts only when whole.
  const lines = text.split('\n').slice(0, -1)
  assert.ok(lines.length > 0, 'the writer wrote something')
  return Number(lines.at(-1))
}
