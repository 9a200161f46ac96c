import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { Entries } from './sqlite/entries.ts'
import { openFile } from './sqlite/file.ts'
import { followEntries, tailRecords } from './sqlite/follow.ts'
import { storeProblem } from './sqlite/problem.ts'
import { WriteQueue } from './sqlite/queue.ts'
import { Records } from './sqlite/records.ts'
import { Sight } from './sqlite/sight.ts'
import { Wake } from './sqlite/wake.ts'
import {
  type Change,
  type Entry,
  type FollowOptions,
  type Json,
  type LogBound,
  type LogRecord,
  type ReadOptions,
  STORE_LIMITS,
  type Store,
  StoreError,
  type WriteOptions,
  type WriteResult,
} from './store.ts'

export interface SqliteOptions {
  readonly path: string
  readonly now?: () => number
  /** Bounds of logs by name; others are kept for 90 days or up to 256 MiB. */
  readonly logs?: Readonly<Record<string, LogBound>>
}

const DEFAULT_BOUND: LogBound = { maxAgeMs: 90 * 86_400_000, maxBytes: 256 * 1024 * 1024 }

/** Another process's commit is seen after this long at most: 3 µs of work each time. */
const POLL_MS = 12
const SWEEP_MS = 500

/**
 * The embedded store: one SQLite file (write-ahead log), which several processes of one machine may
 * hold at once. Not for network file systems, whose locks and shared memory SQLite cannot trust.
 * @throws {StoreError}
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  return new SqliteStore(await openFile(options.path), options)
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #now: () => number
  readonly #entries: Entries
  readonly #records: Records
  readonly #queue: WriteQueue
  /** Two, so that the many records of flows do not have every follower of keys look for changes. */
  readonly #entriesWake = new Wake()
  readonly #recordsWake = new Wake()
  /** Who is to be woken by the next commit. */
  readonly #written = new Set<Wake>()
  readonly #sight: Sight
  readonly #dataVersion: StatementSync
  readonly #polling: NodeJS.Timeout
  readonly #sweeping: NodeJS.Timeout
  #followers = 0
  #seenVersion: unknown
  #isSweeping = false

  constructor(db: DatabaseSync, { path, now = Date.now, logs = {} }: SqliteOptions) {
    this.#db = db
    this.#path = path
    this.#now = now
    this.#sight = new Sight(path, now())
    this.#entries = new Entries(db)
    this.#records = new Records(db, (log) => logs[log] ?? DEFAULT_BOUND)
    this.#queue = new WriteQueue(db, path, () => this.#pokeWritten())
    this.#dataVersion = db.prepare('pragma data_version')
    this.#polling = setInterval(() => this.#poll(), POLL_MS).unref()
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#read(() => this.#entries.get(key, this.#now()))
  }

  async list(
    prefix: string,
    { after = '', limit = 1_000 }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<Entry[]> {
    return this.#read(() => this.#entries.list(prefix, after, limit, this.#now()))
  }

  async create(key: string, value: Json, options: WriteOptions = {}): Promise<WriteResult> {
    const text = this.#encodeEntry(key, value)
    return this.#write(() => this.#entries.create(key, text, options, this.#now()), options)
  }

  async update(
    key: string,
    value: Json,
    revision: number,
    options: WriteOptions = {},
  ): Promise<WriteResult> {
    const text = this.#encodeEntry(key, value)
    return this.#write(
      () => this.#entries.update(key, text, revision, options, this.#now()),
      options,
    )
  }

  async delete(key: string, revision?: number): Promise<WriteResult> {
    return this.#write(() => this.#entries.delete(key, revision, this.#now()))
  }

  async append(log: string, ...records: readonly Json[]): Promise<number> {
    const texts = records.map((record) => this.#encode(record, STORE_LIMITS.recordBytes))
    const append = () => {
      this.#written.add(this.#recordsWake)
      return this.#records.append(log, texts, this.#now())
    }
    return this.#queue.run(append, true)
  }

  async read(log: string, options: ReadOptions = {}): Promise<LogRecord[]> {
    return this.#read(() => this.#records.read(log, options))
  }

  follow({ prefix, cursor, signal }: FollowOptions): AsyncIterable<Change> {
    const wakes = this.#wakes(this.#entriesWake, signal)
    return this.#guard(followEntries(this.#entries, { prefix, cursor }, wakes))
  }

  tail(
    log: string,
    { after, signal }: { readonly after?: number; readonly signal: AbortSignal },
  ): AsyncIterable<LogRecord> {
    const wakes = this.#wakes(this.#recordsWake, signal)
    return this.#guard(tailRecords(this.#records, log, after, wakes))
  }

  lastReadAt(): number {
    return this.#sight.lastAt
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return
    clearInterval(this.#polling)
    clearInterval(this.#sweeping)
    this.#queue.close()
    this.#db.close()
    this.#pokeAll()
  }

  /** Once at the beginning, then after every commit that `wake` is poked for, until aborted or closed. */
  async *#wakes(wake: Wake, signal: AbortSignal): AsyncIterable<void> {
    if (!this.#db.isOpen) throw this.#queue.closedError()
    const stop = () => wake.poke()
    signal.addEventListener('abort', stop, { once: true })
    // Whoever follows waits for something: that keeps the process alive, the store alone does not.
    if (++this.#followers === 1) this.#polling.ref()
    try {
      while (!signal.aborted && this.#db.isOpen) {
        const next = wake.next()
        yield
        await next
      }
    } finally {
      signal.removeEventListener('abort', stop)
      if (--this.#followers === 0) this.#polling.unref()
    }
  }

  #pokeWritten(): void {
    for (const wake of this.#written) wake.poke()
    this.#written.clear()
  }

  #pokeAll(): void {
    this.#entriesWake.poke()
    this.#recordsWake.poke()
  }

  /** data_version changes when another connection has committed. */
  #poll(): void {
    try {
      const version = this.#dataVersion.get()?.data_version
      this.#sight.seen(this.#now())
      if (version !== this.#seenVersion) this.#pokeAll()
      this.#seenVersion = version
    } catch {
      // Told by lastReadAt, which stays where it was.
    }
  }

  #sweep(): void {
    if (this.#isSweeping) return
    try {
      const now = this.#now()
      if (!this.#entries.needsSweep(now) && !this.#records.needsDrop(now)) return
    } catch {
      return
    }
    this.#isSweeping = true
    const swept = this.#write(() => this.#sweepNow(), { ephemeral: true })
    const done = () => {
      this.#isSweeping = false
    }
    swept.then(done, done)
  }

  #sweepNow(): void {
    this.#entries.sweep(this.#now())
    this.#records.dropOld(this.#now())
  }

  #read<T>(read: () => T): T {
    if (!this.#db.isOpen) throw this.#queue.closedError()
    try {
      return read()
    } catch (error) {
      throw storeProblem(error, this.#path)
    }
  }

  async *#guard<T>(items: AsyncIterable<T>): AsyncIterable<T> {
    try {
      yield* items
    } catch (error) {
      this.#sight.failed(this.#now())
      throw this.#db.isOpen ? storeProblem(error, this.#path) : this.#queue.closedError()
    }
  }

  #write<T>(write: () => T, { ephemeral = false }: WriteOptions = {}): Promise<T> {
    const writeEntries = () => {
      this.#written.add(this.#entriesWake)
      return write()
    }
    return this.#queue.run(writeEntries, ephemeral)
  }

  #encodeEntry(key: string, value: Json): string {
    if (key.length > 0 && key.length <= STORE_LIMITS.keyCharacters) {
      return this.#encode(value, STORE_LIMITS.valueBytes)
    }
    throw this.#tooLarge('key')
  }

  #encode(value: Json, maxBytes: number): string {
    const text = JSON.stringify(value)
    if (Buffer.byteLength(text) > maxBytes) throw this.#tooLarge('value')
    return text
  }

  #tooLarge(what: 'key' | 'value'): StoreError {
    const path = this.#path
    return new StoreError('ERR_STORE_TOO_LARGE', `too large a ${what} for the store`, { path })
  }
}
