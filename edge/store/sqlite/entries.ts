import type { DatabaseSync } from 'node:sqlite'
import type { Change, Entry, WriteOptions, WriteResult } from '../store.ts'

/** How long a deletion is remembered for those who follow. */
const REMEMBER_MS = 10 * 60_000

const CONFLICT: WriteResult = { kind: 'conflict' }

/** Keys and values in SQL. Every write is called inside a transaction (see queue.ts). */
export class Entries {
  readonly #sql: ReturnType<typeof prepare>

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db)
  }

  get(key: string, now: number): Entry | undefined {
    const row = this.#sql.get.get(key, now)
    return row && entryOf(row)
  }

  list(prefix: string, after: string, limit: number, now: number): Entry[] {
    return this.#sql.list.all(prefix, prefix + LAST, after, now, limit).map(entryOf)
  }

  revision(): number {
    return Number(this.#sql.counter.get('revision')?.value)
  }

  /** Whether changes after this cursor may have been forgotten, or it is of a future that was undone. */
  isLost(cursor: number): boolean {
    if (cursor === 0) return false
    return cursor < Number(this.#sql.counter.get('forgotten')?.value) || cursor > this.revision()
  }

  changes(prefix: string, after: number, upTo: number, limit: number): Change[] {
    return this.#sql.changes.all(after, upTo, prefix, prefix + LAST, limit).map(changeOf)
  }

  create(key: string, value: string, options: WriteOptions, now: number): WriteResult {
    if (this.get(key, now)) return CONFLICT
    return this.#put(key, value, options)
  }

  update(
    key: string,
    value: string,
    revision: number,
    options: WriteOptions,
    now: number,
  ): WriteResult {
    if (this.get(key, now)?.revision !== revision) return CONFLICT
    return this.#put(key, value, options)
  }

  delete(key: string, revision: number | undefined, now: number): WriteResult {
    const entry = this.get(key, now)
    if (!entry || (revision !== undefined && entry.revision !== revision)) return CONFLICT
    return this.#bury(key, now)
  }

  /** Whether {@link sweep} would find something: asked without a transaction. */
  needsSweep(now: number): boolean {
    return this.#sql.isDue.get(now, now - REMEMBER_MS) !== undefined
  }

  /** Turns what has expired into deletions, and forgets old deletions; a bounded number of each. */
  sweep(now: number): void {
    for (const { key } of this.#sql.expired.all(now)) this.#bury(String(key), now)
    for (const { key, revision } of this.#sql.rememberedTooLong.all(now - REMEMBER_MS)) {
      this.#sql.forget.run(String(key))
      this.#sql.setForgotten.run(Number(revision))
    }
  }

  #put(key: string, value: string, { expiresAt }: WriteOptions): WriteResult {
    const revision = this.#next()
    this.#sql.put.run(key, value, revision, expiresAt ?? null, null)
    return { kind: 'written', revision }
  }

  #bury(key: string, now: number): WriteResult {
    const revision = this.#next()
    this.#sql.put.run(key, null, revision, null, now)
    return { kind: 'written', revision }
  }

  #next(): number {
    return Number(this.#sql.next.get()?.value)
  }
}

/** Sorts after every character a key can have. */
const LAST = '\u{10ffff}'

function prepare(db: DatabaseSync) {
  const live = 'value is not null and (expires_at is null or expires_at > ?)'
  return {
    get: db.prepare(`select * from entries where key = ? and ${live}`),
    list: db.prepare(
      `select * from entries where key >= ? and key < ? and key > ? and ${live} order by key limit ?`,
    ),
    changes: db.prepare(
      `select * from entries where revision > ? and revision <= ? and key >= ? and key < ?
       order by revision limit ?`,
    ),
    counter: db.prepare('select value from counters where name = ?'),
    next: db.prepare(
      "update counters set value = value + 1 where name = 'revision' returning value",
    ),
    put: db.prepare('insert or replace into entries values (?, ?, ?, ?, ?)'),
    isDue: db.prepare(
      `select 1 where exists (select 1 from entries where expires_at <= ?)
       or exists (select 1 from entries where deleted_at < ?)`,
    ),
    expired: db.prepare('select key from entries where expires_at <= ? limit 500'),
    rememberedTooLong: db.prepare(
      'select key, revision from entries where deleted_at < ? order by deleted_at limit 500',
    ),
    forget: db.prepare('delete from entries where key = ?'),
    setForgotten: db.prepare("update counters set value = max(value, ?) where name = 'forgotten'"),
  }
}

type Row = Record<string, unknown>

function entryOf(row: Row): Entry {
  const { key, value, revision, expires_at: expiresAt } = row
  return {
    key: String(key),
    value: JSON.parse(String(value)),
    revision: Number(revision),
    ...(expiresAt === null ? {} : { expiresAt: Number(expiresAt) }),
  }
}

function changeOf(row: Row): Change {
  if (row.value !== null) return { kind: 'put', entry: entryOf(row) }
  return { kind: 'delete', key: String(row.key), revision: Number(row.revision) }
}
