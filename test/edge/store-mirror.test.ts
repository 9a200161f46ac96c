import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { deploymentOf, isDemoStore, markDemoStore } from '../../edge/store/deployment.ts'
import { Mirror } from '../../edge/store/mirror.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import type { Change, Entry, Store } from '../../edge/store/store.ts'

const root = mkdtempSync(path.join(tmpdir(), 'byname-mirror-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
let file = ''
let store: Store
beforeEach(async () => {
  file = path.join(root, `${count++}.db`)
  store = await openSqliteStore({ path: file })
})
afterEach(() => store.close())

const text = ({ value }: Entry) => (typeof value === 'string' ? value : undefined)

describe('a mirror', () => {
  it('holds what is there, then every change of every process, and tells each once', async () => {
    await store.create('m/a', 'one')
    const told: unknown[] = []
    const mirror = await Mirror.open(store, 'm/', text, (...pair) => told.push(pair))
    assert.equal(mirror.get('a'), 'one')
    const other = await openSqliteStore({ path: file })
    const entry = await other.get('m/a')
    await other.update('m/a', 'two', entry?.revision ?? 0)
    await other.create('m/b', 'three')
    await sleep(60)
    await other.delete('m/b')
    await sleep(60)
    assert.deepEqual(mirror.values(), ['two'])
    assert.deepEqual(told, [
      [undefined, 'one'],
      ['one', 'two'],
      [undefined, 'three'],
      ['three', undefined],
    ])
    await mirror.close()
    await other.close()
  })

  it('takes a write of its own at once and tells it once', async () => {
    const told: unknown[] = []
    const mirror = await Mirror.open(store, 'm/', text, (...pair) => told.push(pair))
    const written = await store.create('m/a', 'one')
    assert.equal(written.kind, 'written')
    const revision = written.kind === 'written' ? written.revision : 0
    mirror.apply({ key: 'm/a', value: 'one', revision })
    assert.equal(mirror.get('a'), 'one')
    await sleep(40)
    mirror.apply({ key: 'm/a', value: 'older', revision: revision - 1 })
    assert.equal(mirror.get('a'), 'one')
    assert.deepEqual(told, [[undefined, 'one']])
    await mirror.close()
  })

  it('lets go of an entry that does not parse any more', async () => {
    const written = await store.create('m/a', 'one')
    const mirror = await Mirror.open(store, 'm/', text, () => undefined)
    await store.update('m/a', 42, written.kind === 'written' ? written.revision : 0)
    await sleep(40)
    assert.equal(mirror.get('a'), undefined)
    await mirror.close()
  })

  it('after a reset keeps what is told again and lets go of the rest', async () => {
    const put = (key: string, revision: number): Change => ({
      kind: 'put',
      entry: { key, value: key, revision },
    })
    const script: Change[] = [
      put('m/a', 1),
      put('m/b', 2),
      { kind: 'caught-up', revision: 2 },
      { kind: 'reset' },
      put('m/b', 2),
      { kind: 'caught-up', revision: 9 },
    ]
    const told: unknown[] = []
    const double = {
      async *follow() {
        yield* script
      },
    } as unknown as Store
    const mirror = await Mirror.open(double, 'm/', text, (...pair) => told.push(pair))
    await sleep(5)
    assert.deepEqual(mirror.values(), ['m/b'])
    assert.deepEqual(told, [
      [undefined, 'm/a'],
      [undefined, 'm/b'],
      ['m/a', undefined],
    ])
    await mirror.close()
  })

  it('tries on after the store could not be read for a while', async () => {
    let attempts = 0
    const double = {
      async *follow({ cursor, signal }: { cursor: number; signal: AbortSignal }) {
        attempts++
        if (cursor === 0) yield { kind: 'caught-up', revision: 5 }
        if (attempts === 1) throw Object.assign(new Error('io'), { code: 'ERR_STORE_UNAVAILABLE' })
        yield { kind: 'put', entry: { key: 'm/a', value: `from ${cursor}`, revision: 6 } }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    } as unknown as Store
    const mirror = await Mirror.open(double, 'm/', text, () => undefined)
    await sleep(200)
    assert.equal(mirror.get('a'), 'from 5')
    await mirror.close()
  })

  it('cannot be opened on a store that cannot be read', async () => {
    await store.close()
    await assert.rejects(
      Mirror.open(store, 'm/', text, () => undefined),
      { code: 'ERR_STORE_CLOSED' },
    )
  })
})

describe('a deployment', () => {
  it('has one id, whoever asks first', async () => {
    const other = await openSqliteStore({ path: file })
    const ids = await Promise.all([deploymentOf(store), deploymentOf(other), deploymentOf(store)])
    assert.equal(new Set(ids).size, 1)
    assert.match(ids[0] ?? '', /^[0-9a-f]{24}$/)
    await other.close()
  })

  it('is marked for good once the demo has used its store', async () => {
    assert.equal(await isDemoStore(store), false)
    await markDemoStore(store)
    await markDemoStore(store)
    assert.equal(await isDemoStore(store), true)
  })
})
