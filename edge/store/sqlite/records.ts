import type { DatabaseSync } from 'node:sqlite'
import type { LogBound, LogRecord, ReadOptions } from '../store.ts'

/** At most so many records are dropped in one transaction, so that no turn of the loop is long. */
const DROP_AT_ONCE = 500
const NO_END = Number.MAX_SAFE_INTEGER

/** Logs in SQL. Every write is called inside a transaction (see queue.ts). */
export class Records {
  readonly #sql: ReturnType<typeof prepare>
  readonly #boundOf: (log: string) => LogBound

  constructor(db: DatabaseSync, boundOf: (log: string) => LogBound) {
    this.#sql = prepare(db)
    this.#boundOf = boundOf
  }

  /** The place of the last one. The log is cut to its size in the same transaction. */
  append(log: string, records: readonly string[], now: number): number {
    let place: number | bigint = 0
    let grown = 0
    for (const record of records) {
      const size = Buffer.byteLength(record)
      place = this.#sql.append.run(log, now, size, record).lastInsertRowid
      grown += size
    }
    this.#sql.grow.run(log, grown)
    this.#cutToSize(log)
    return Number(place)
  }

  read(log: string, { after = 0, before = NO_END, limit = 100, newestFirst }: ReadOptions) {
    const statement = newestFirst ? this.#sql.newest : this.#sql.oldest
    return statement.all(log, after, before, Math.min(limit, 1_000)).map(recordOf)
  }

  lastPlace(log: string): number {
    return Number(this.#sql.last.get(log)?.place ?? 0)
  }

  /** Whether {@link dropOld} would find something: asked without a transaction. */
  needsDrop(now: number): boolean {
    return this.#logs().some((log) => this.#oldOf(log, now, 1).length > 0)
  }

  /** Drops what is older than the bound; a bounded number. */
  dropOld(now: number): void {
    for (const log of this.#logs()) this.#drop(log, this.#oldOf(log, now, DROP_AT_ONCE))
  }

  #logs(): string[] {
    return this.#sql.logs.all().map((row) => String(row.log))
  }

  /** At the log's beginning: to look for old ones behind newer ones would be to read all of it. */
  #oldOf(log: string, now: number, atMost: number): Row[] {
    const since = now - this.#boundOf(log).maxAgeMs
    const rows = this.#sql.first.all(log, atMost)
    const firstNew = rows.findIndex(({ at }) => Number(at) >= since)
    return firstNew < 0 ? rows : rows.slice(0, firstNew)
  }

  #cutToSize(log: string): void {
    let excess = Number(this.#sql.size.get(log)?.size) - this.#boundOf(log).maxBytes
    if (excess <= 0) return
    const rows: Row[] = []
    for (const row of this.#sql.first.iterate(log, DROP_AT_ONCE)) {
      if (excess <= 0) break
      rows.push(row)
      excess -= Number(row.size)
    }
    this.#drop(log, rows)
  }

  #drop(log: string, rows: readonly Row[]): void {
    for (const { place, size } of rows) {
      this.#sql.drop.run(Number(place))
      this.#sql.grow.run(log, -Number(size))
    }
  }
}

type Row = Record<string, unknown>

function prepare(db: DatabaseSync) {
  const columns = 'place, at, record'
  const range = 'log = ? and place > ? and place < ?'
  return {
    append: db.prepare('insert into records (log, at, size, record) values (?, ?, ?, ?)'),
    grow: db.prepare(
      `insert into logs values (?, ?)
       on conflict (log) do update set size = size + excluded.size`,
    ),
    oldest: db.prepare(`select ${columns} from records where ${range} order by place limit ?`),
    newest: db.prepare(`select ${columns} from records where ${range} order by place desc limit ?`),
    last: db.prepare('select max(place) as place from records where log = ?'),
    logs: db.prepare('select log from logs'),
    size: db.prepare('select size from logs where log = ?'),
    first: db.prepare('select place, at, size from records where log = ? order by place limit ?'),
    drop: db.prepare('delete from records where place = ?'),
  }
}

function recordOf(row: Row): LogRecord {
  return { place: Number(row.place), at: Number(row.at), record: JSON.parse(String(row.record)) }
}
