/**
 * What every adapter of edge/store/store.ts must do. An adapter's own test calls `storeContract` with
 * the way to open it; `another` is a second handle on the same store, as another process has it.
 */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, Entry, LogRecord, Store } from '../../edge/store/store.ts'

export interface Opened {
  readonly store: Store
  readonly another: Store
  /** Moves the store's clock. */
  advance(ms: number): void
  dispose(): Promise<void>
}

export const BOUNDED_LOG = 'bounded'
export const BOUND = { maxAgeMs: 60_000, maxBytes: 10_000 }

export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`${name} keeps the store's contract`, () => {
    let opened: Opened
    let store: Store
    let another: Store
    beforeEach(async () => {
      opened = await open()
      store = opened.store
      another = opened.another
    })
    afterEach(() => opened.dispose())

    const written = async (result: ReturnType<Store['create']>) => {
      const got = await result
      assert.equal(got.kind, 'written')
      return got.kind === 'written' ? got.revision : 0
    }

    it('gives back what was created, with its revision', async () => {
      const revision = await written(store.create('a/1', { list: [1, 'two', null, true] }))
      const value = { list: [1, 'two', null, true] }
      assert.deepEqual(await store.get('a/1'), { key: 'a/1', value, revision })
      assert.deepEqual(await another.get('a/1'), { key: 'a/1', value, revision })
      assert.equal(await store.get('a/2'), undefined)
    })

    it('creates a key once only, whoever asks', async () => {
      await written(store.create('a', 1))
      assert.deepEqual(await another.create('a', 2), { kind: 'conflict' })
      assert.equal((await store.get('a'))?.value, 1)
    })

    it('lets one of two rivals for the same new key win', async () => {
      const results = await Promise.all(
        [store, another, store, another].map((s) => s.create('r', 0)),
      )
      assert.equal(results.filter(({ kind }) => kind === 'written').length, 1)
    })

    it('updates exactly the revision that was read', async () => {
      const first = await written(store.create('a', 1))
      const second = await written(another.update('a', 2, first))
      assert.ok(second > first)
      assert.deepEqual(await store.update('a', 3, first), { kind: 'conflict' })
      assert.equal((await store.get('a'))?.value, 2)
      assert.deepEqual(await store.update('nobody', 1, first), { kind: 'conflict' })
    })

    it('loses no update of rivals that read, compare and set again', async () => {
      await store.create('counter', 0)
      const add = async (from: Store): Promise<void> => {
        const entry = await from.get('counter')
        const result = await from.update('counter', Number(entry?.value) + 1, entry?.revision ?? 0)
        if (result.kind === 'conflict') await add(from)
      }
      await Promise.all(Array.from({ length: 40 }, (_, i) => add(i % 2 ? store : another)))
      assert.equal((await store.get('counter'))?.value, 40)
    })

    it('deletes, with a revision only that one, and what is not there not at all', async () => {
      const revision = await written(store.create('a', 1))
      assert.deepEqual(await store.delete('a', revision + 1), { kind: 'conflict' })
      await written(store.delete('a', revision))
      assert.equal(await another.get('a'), undefined)
      assert.deepEqual(await store.delete('a'), { kind: 'conflict' })
      const again = await written(store.create('a', 2))
      assert.ok(again > revision, 'a key that comes back has a higher revision')
    })

    it('lists by prefix, in order of keys, in pages', async () => {
      for (const key of ['b/2', 'a/1', 'b/1', 'b', 'b/3', 'c']) await store.create(key, key)
      const keys = (entries: Entry[]) => entries.map(({ key }) => key)
      assert.deepEqual(keys(await another.list('b/')), ['b/1', 'b/2', 'b/3'])
      assert.deepEqual(keys(await store.list('b/', { limit: 2 })), ['b/1', 'b/2'])
      assert.deepEqual(keys(await store.list('b/', { after: 'b/2' })), ['b/3'])
      assert.deepEqual(keys(await store.list('')).length, 6)
      assert.deepEqual(await store.list('d'), [])
    })

    it('treats quotes, percent signs and wildcards in keys as letters', async () => {
      for (const key of ["o'brien/1", '%/1', '_/1', 'ü/1']) await store.create(key, 1)
      assert.equal((await store.list('%')).length, 1)
      assert.equal((await store.list('_')).length, 1)
      assert.equal((await store.list("o'brien/")).length, 1)
      assert.equal((await store.get('ü/1'))?.value, 1)
    })

    it('drops a key when its time is over and lets it be created anew', async () => {
      const now = Date.now()
      await store.create('short', 1, { expiresAt: now + 60_000 })
      assert.equal((await another.get('short'))?.expiresAt, now + 60_000)
      opened.advance(60_001)
      assert.equal(await store.get('short'), undefined)
      assert.deepEqual(await store.list('short'), [])
      await written(store.create('short', 2))
    })

    it('does not update a key whose time is over', async () => {
      const revision = await written(store.create('short', 1, { expiresAt: Date.now() + 1_000 }))
      opened.advance(2_000)
      assert.deepEqual(await store.update('short', 2, revision), { kind: 'conflict' })
      assert.deepEqual(await store.delete('short'), { kind: 'conflict' })
    })

    it('tells a follower what is there, then each change, in the order of revisions', async () => {
      await store.create('x/1', 1)
      const seen = collect(another, 'x/', 0)
      await seen.until((changes) => changes.at(-1)?.kind === 'caught-up')
      const revision = await written(store.create('x/2', 2))
      await store.create('y/1', 0)
      await store.update('x/2', 3, revision)
      await store.delete('x/1')
      await seen.until((changes) => changes.some(({ kind }) => kind === 'delete'))
      assert.deepEqual(brief(await seen.end()), brief(seen.changes))
      const told = brief(seen.changes)
      assert.equal(told[0], 'put x/1 1')
      assert.ok(told.indexOf('put x/2 3') < told.indexOf('delete x/1'))
      assert.ok(!told.some((line) => line.includes('y/1')))
    })

    it('goes on from a cursor without telling anything twice', async () => {
      const revision = await written(store.create('x/1', 1))
      await store.create('x/2', 2)
      const seen = collect(another, 'x/', revision)
      await seen.until((changes) => changes.at(-1)?.kind === 'caught-up')
      await seen.end()
      assert.deepEqual(brief(seen.changes), ['put x/2 2'])
    })

    it('tells of a key whose time is over as of a deletion', async () => {
      await store.create('x/1', 1, { expiresAt: Date.now() + 5_000 })
      const seen = collect(another, 'x/', 0)
      await seen.until((changes) => changes.some(({ kind }) => kind === 'put'))
      opened.advance(5_001)
      await seen.until((changes) => changes.some(({ kind }) => kind === 'delete'))
      await seen.end()
    })

    it('says reset to a cursor that is older than its memory of deletions', async () => {
      const first = await written(store.create('x/1', 1))
      await store.create('x/2', 2)
      await store.delete('x/1')
      opened.advance(3_600_000)
      const seen = collect(another, 'x/', first)
      await seen.until((changes) => changes.some(({ kind }) => kind === 'delete'))
      await seen.end()
      // The deletion is forgotten by the next sweep; wait for it by asking again.
      let told: string[] = []
      for (let i = 0; i < 50 && told[0] !== 'reset'; i++) {
        await sleep(50)
        const later = collect(another, 'x/', first)
        await later.until((changes) => changes.at(-1)?.kind === 'caught-up')
        await later.end()
        told = brief(later.changes)
      }
      assert.deepEqual(told, ['reset', 'put x/2 2'])
    })

    it('says reset to a cursor of a future that was undone', async () => {
      await store.create('x/1', 1)
      const seen = collect(store, 'x/', 1_000_000)
      await seen.until((changes) => changes.at(-1)?.kind === 'caught-up')
      await seen.end()
      assert.deepEqual(brief(seen.changes), ['reset', 'put x/1 1'])
    })

    it('reads a log forwards, backwards and in pages', async () => {
      for (let i = 1; i <= 5; i++) await store.append('log', { i })
      await store.append('other', { i: 0 })
      const numbers = (records: LogRecord[]) =>
        records.map(({ record }) => (record as { i: number }).i)
      assert.deepEqual(numbers(await another.read('log')), [1, 2, 3, 4, 5])
      const newest = await store.read('log', { newestFirst: true, limit: 2 })
      assert.deepEqual(numbers(newest), [5, 4])
      const before = await store.read('log', { newestFirst: true, before: newest[1]?.place ?? 0 })
      assert.deepEqual(numbers(before), [3, 2, 1])
      assert.deepEqual(numbers(await store.read('log', { after: newest[1]?.place ?? 0 })), [5])
    })

    it('keeps the order of appends of one turn', async () => {
      const places = await Promise.all(
        Array.from({ length: 600 }, (_, i) => store.append('log', i)),
      )
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      )
      const records = await store.read('log', { limit: 1_000 })
      assert.deepEqual(
        records.map(({ record }) => record),
        Array.from({ length: 600 }, (_, i) => i),
      )
    })

    it('holds a log within its size, dropping the oldest', async () => {
      const text = 'x'.repeat(100)
      for (let i = 0; i < 300; i++) await store.append(BOUNDED_LOG, { i, text })
      const records = await store.read(BOUNDED_LOG, { limit: 1_000 })
      const bytes = records.reduce((sum, { record }) => sum + JSON.stringify(record).length, 0)
      assert.ok(bytes <= BOUND.maxBytes, `${bytes} bytes`)
      assert.ok(bytes > BOUND.maxBytes * 0.9, `${bytes} bytes`)
      assert.deepEqual(records.at(-1)?.record, { i: 299, text })
    })

    it('drops what is older than a log may hold', async () => {
      await store.append(BOUNDED_LOG, 'old')
      opened.advance(BOUND.maxAgeMs + 1)
      await store.append(BOUNDED_LOG, 'new')
      await eventually(async () => {
        assert.deepEqual(
          (await store.read(BOUNDED_LOG)).map(({ record }) => record),
          ['new'],
        )
      })
    })

    it('hands new records to whoever tails a log, whichever process wrote them', async () => {
      await store.append('log', 'before')
      const stop = new AbortController()
      const got: unknown[] = []
      const ended = (async () => {
        for await (const { record } of another.tail('log', { signal: stop.signal }))
          got.push(record)
      })()
      await sleep(30)
      await store.append('log', 'one')
      await another.append('log', 'two')
      await eventually(async () => assert.deepEqual(got, ['one', 'two']))
      stop.abort()
      await ended
    })

    it('shows a change to another handle within 20 ms', async () => {
      const seen = collect(another, 'x/', 0)
      await seen.until((changes) => changes.length > 0)
      const lags: number[] = []
      for (let i = 0; i < 20; i++) {
        await store.create(`x/${i}`, i)
        const startedAt = performance.now()
        await seen.until((changes) => brief(changes).includes(`put x/${i} ${i}`))
        lags.push(performance.now() - startedAt)
        await sleep(Math.random() * 10)
      }
      await seen.end()
      // The median: a machine that tests run on may stop for a moment.
      const median = lags.toSorted((a, b) => a - b)[10] ?? Number.POSITIVE_INFINITY
      assert.ok(median <= 20, `${median} ms`)
    })

    it('appends many at once, all of them or none', async () => {
      const last = await store.append('log', 'a', 'b', 'c')
      const tooMuch = store.append('log', 'd', 'x'.repeat(20_000), 'e')
      await assert.rejects(tooMuch, { code: 'ERR_STORE_TOO_LARGE' })
      const records = await store.read('log')
      assert.deepEqual(
        records.map(({ record }) => record),
        ['a', 'b', 'c'],
      )
      assert.equal(records.at(-1)?.place, last)
    })

    it('refuses what is too large, and goes on', async () => {
      const tooLarge = { code: 'ERR_STORE_TOO_LARGE' }
      await assert.rejects(store.create('a', 'x'.repeat(70_000)), tooLarge)
      await assert.rejects(store.create('k'.repeat(600), 1), tooLarge)
      await assert.rejects(store.create('', 1), tooLarge)
      await assert.rejects(store.append('log', 'x'.repeat(20_000)), tooLarge)
      await written(store.create('a', 'x'))
    })

    it('says when it was last readable', async () => {
      opened.advance(1_000)
      await eventually(async () => assert.ok(store.lastReadAt() >= Date.now() + 900))
    })

    it('keeps what was asked before it was closed, and refuses what is asked after', async () => {
      const writing = Promise.all([store.create('late', 1), store.append('log', 'late')])
      await store.close()
      await writing
      assert.equal((await another.get('late'))?.value, 1)
      assert.equal((await another.read('log')).length, 1)
      const closed = { code: 'ERR_STORE_CLOSED' }
      await assert.rejects(store.get('late'), closed)
      await assert.rejects(store.create('later', 1), closed)
      await store.close()
    })

    it('ends those who follow when it is closed', async () => {
      const seen = collect(store, '', 0)
      await seen.until((changes) => changes.length > 0)
      await store.close()
      await seen.ended
    })
  })
}

function collect(store: Store, prefix: string, cursor: number) {
  const stop = new AbortController()
  const changes: Change[] = []
  const ended = (async () => {
    for await (const change of store.follow({ prefix, cursor, signal: stop.signal })) {
      changes.push(change)
    }
  })()
  return {
    changes,
    ended,
    until: (test: (changes: Change[]) => boolean) =>
      eventually(async () => assert.ok(test(changes), 'the change was not told'), 1),
    end: async () => {
      stop.abort()
      await ended
      return changes
    },
  }
}

function brief(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => {
    if (change.kind === 'put') return [`put ${change.entry.key} ${change.entry.value}`]
    if (change.kind === 'delete') return [`delete ${change.key}`]
    return change.kind === 'reset' ? ['reset'] : []
  })
}

async function eventually(test: () => Promise<void>, pauseMs = 10): Promise<void> {
  const deadline = performance.now() + 3_000
  for (;;) {
    try {
      return await test()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await sleep(pauseMs)
  }
}
