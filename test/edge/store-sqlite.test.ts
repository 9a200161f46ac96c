import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { storeProblem } from '../../edge/store/sqlite/problem.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import type { StoreError } from '../../edge/store/store.ts'
import { BOUND, BOUNDED_LOG, storeContract } from './store-contract.ts'

const root = mkdtempSync(path.join(tmpdir(), 'byname-store-'))
after(() => rmSync(root, { recursive: true }))
const NOBODY = 65_534
let count = 0
const freshPath = () => path.join(root, `${count++}.db`)

storeContract('the SQLite store', async () => {
  let shift = 0
  const options = {
    path: freshPath(),
    now: () => Date.now() + shift,
    logs: { [BOUNDED_LOG]: BOUND },
  }
  const store = await openSqliteStore(options)
  const another = await openSqliteStore(options)
  return {
    store,
    another,
    advance: (ms) => {
      shift += ms
    },
    dispose: async () => {
      await store.close()
      await another.close()
    },
  }
})

describe('what SQLite throws', () => {
  it('becomes a coded error, and what is not its own stays', () => {
    const thrown = (errcode: number) =>
      storeProblem({ code: 'ERR_SQLITE_ERROR', errcode, message: 'why' }, '/file')
    const codes = [13, 8, 5, 267, 26, 10, 1].map((errcode) => (thrown(errcode) as StoreError).code)
    assert.deepEqual(codes, [
      'ERR_STORE_FULL',
      'ERR_STORE_READONLY',
      'ERR_STORE_BUSY',
      'ERR_STORE_CORRUPT',
      'ERR_STORE_CORRUPT',
      'ERR_STORE_UNAVAILABLE',
      'ERR_STORE_UNAVAILABLE',
    ])
    const bug = new TypeError('bug')
    assert.equal(storeProblem(bug, '/file'), bug)
  })
})

describe('the file of the SQLite store', () => {
  it('is readable by its owner only, and so are the files beside it', async () => {
    const file = freshPath()
    const store = await openSqliteStore({ path: file })
    await store.create('a', 1)
    for (const name of [file, `${file}-wal`, `${file}-shm`]) {
      assert.equal(statSync(name).mode & 0o777, 0o600, name)
    }
    await store.close()
  })

  it('is made with its directory, and found again', async () => {
    const file = path.join(root, 'new', 'deep', 'store.db')
    const first = await openSqliteStore({ path: file })
    await first.create('a', 1)
    await first.close()
    const second = await openSqliteStore({ path: file })
    assert.equal((await second.get('a'))?.value, 1)
    await second.close()
  })

  it('can be opened first by several at once', async () => {
    const file = freshPath()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openSqliteStore({ path: file })))
    await Promise.all(stores.map((store, i) => store.create(`k${i}`, i)))
    assert.equal((await stores[0]?.list('k'))?.length, 4)
    await Promise.all(stores.map((store) => store.close()))
  })

  it('is refused, untouched, when it is something else', async () => {
    const text = freshPath()
    writeFileSync(text, 'port: 443\nname: edge\n')
    await assert.rejects(openSqliteStore({ path: text }), { code: 'ERR_STORE_FOREIGN', path: text })
    assert.equal(readFileSync(text, 'utf8'), 'port: 443\nname: edge\n')

    const other = freshPath()
    const db = new DatabaseSync(other)
    db.exec('create table people (name text); insert into people values (1)')
    db.close()
    const before = readFileSync(other)
    await assert.rejects(openSqliteStore({ path: other }), { code: 'ERR_STORE_FOREIGN' })
    assert.deepEqual(readFileSync(other), before)
  })

  it('is refused when it is damaged', async () => {
    const file = freshPath()
    const store = await openSqliteStore({ path: file })
    for (let i = 0; i < 200; i++) await store.create(`key/${i}`, 'x'.repeat(500))
    await store.close()
    const bytes = readFileSync(file)
    bytes.fill(0xee, 8 * 4096, 12 * 4096)
    writeFileSync(file, bytes)
    await assert.rejects(openSqliteStore({ path: file }), { code: 'ERR_STORE_CORRUPT' })
    writeFileSync(file, bytes.subarray(0, 700))
    await assert.rejects(openSqliteStore({ path: file }), { code: 'ERR_STORE_CORRUPT' })
  })

  it('is refused when a newer byname wrote it', async () => {
    const file = freshPath()
    await (await openSqliteStore({ path: file })).close()
    const db = new DatabaseSync(file)
    db.exec('pragma user_version = 99')
    db.close()
    await assert.rejects(openSqliteStore({ path: file }), { code: 'ERR_STORE_NEWER' })
  })

  it('gives a coded error when it cannot be made', async () => {
    const place = path.join(root, 'not-a-directory')
    writeFileSync(place, '')
    const file = path.join(place, 'store.db')
    await assert.rejects(openSqliteStore({ path: file }), { code: 'ERR_STORE_UNAVAILABLE' })
  })

  it('gives a coded error when it may not be written', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'byname-store-'))
    const file = path.join(directory, 'store.db')
    await (await openSqliteStore({ path: file })).close()
    const isRoot = process.geteuid?.() === 0
    // Root may write everything, so it steps down for the attempt.
    if (isRoot) for (const name of [directory, file]) chownSync(name, NOBODY, NOBODY)
    chmodSync(file, 0o400)
    if (isRoot) process.seteuid?.(NOBODY)
    try {
      await assert.rejects(openSqliteStore({ path: file }), { code: 'ERR_STORE_UNAVAILABLE' })
    } finally {
      if (isRoot) process.seteuid?.(0)
      rmSync(directory, { recursive: true })
    }
  })
})

describe('another process that holds the SQLite store', () => {
  it('delays writes without stopping the event loop', async () => {
    const file = freshPath()
    const store = await openSqliteStore({ path: file })
    const rival = new DatabaseSync(file)
    rival.exec('begin immediate')
    let turns = 0
    const counting = setInterval(() => turns++, 5)
    const written = store.create('a', 1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.ok(turns > 5, `${turns} turns`)
    assert.equal(await store.get('a'), undefined)
    rival.exec('commit')
    assert.equal((await written).kind, 'written')
    clearInterval(counting)
    rival.close()
    await store.close()
  })

  it('makes writes fail, coded, when the store is closed meanwhile', async () => {
    const file = freshPath()
    const store = await openSqliteStore({ path: file })
    const rival = new DatabaseSync(file)
    rival.exec('begin immediate')
    const refused = assert.rejects(store.create('a', 1), { code: 'ERR_STORE_BUSY' })
    await store.close()
    await refused
    rival.close()
  })

  it('sees and is seen by a real other process', async () => {
    const file = freshPath()
    const store = await openSqliteStore({ path: file })
    const script = new URL('./store-other-process.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lags: number[] = []
    const stop = new AbortController()
    const exited = once(child, 'exit').finally(() => stop.abort())
    for await (const change of store.follow({ prefix: 'x/', cursor: 0, signal: stop.signal })) {
      if (change.kind !== 'put') continue
      lags.push(Date.now() - Number(change.entry.value))
      await store.create(`seen/${lags.length}`, 1)
      if (lags.length === 20) stop.abort()
    }
    assert.deepEqual(await exited, [0, null])
    assert.equal(lags.length, 20)
    const median = lags.toSorted((a, b) => a - b)[10] ?? Number.POSITIVE_INFINITY
    assert.ok(median <= 20, `${median} ms`)
    await store.close()
  })
})
