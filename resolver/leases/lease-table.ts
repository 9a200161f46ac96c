import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LeaseBook, LeaseRow } from '../lease-book.ts'

/** The version that `pragma user_version` shows. */
export const LEASE_SCHEMA_VERSION = 2

export const LEASE_SCHEMA = `
  create table if not exists lease (
    cidr text not null, slot integer not null, name text not null, app text not null,
    used integer not null, freed integer, primary key (cidr, slot)
  ) strict, without rowid;
  create unique index if not exists lease_name on lease (cidr, name);
  create index if not exists lease_held on lease (cidr, used) where freed is null;
  create index if not exists lease_app on lease (cidr, app, used) where freed is null and app <> '';
  create index if not exists lease_resting on lease (cidr, freed) where freed is not null;
  -- Counted at every new name: counting 32,000 rows each time took 3 ms.
  create table if not exists tally (
    cidr text primary key, held integer not null, resting integer not null
  ) strict;
  insert or replace into tally
    select cidr, count(*) - count(freed), count(freed) from lease group by cidr;
  create trigger if not exists lease_given after insert on lease begin
    insert into tally values (new.cidr, new.freed is null, new.freed is not null)
      on conflict (cidr) do update
      set held = held + excluded.held, resting = resting + excluded.resting;
  end;
  create trigger if not exists lease_moved after update of freed on lease begin
    update tally
      set held = held + (new.freed is null) - (old.freed is null),
        resting = resting + (new.freed is not null) - (old.freed is not null)
      where cidr = new.cidr;
  end;
  create trigger if not exists lease_removed after delete on lease begin
    update tally
      set held = held - (old.freed is null), resting = resting - (old.freed is not null)
      where cidr = old.cidr;
  end;
  create table if not exists setting (key text primary key, value text not null) strict;
  pragma user_version = ${LEASE_SCHEMA_VERSION};
`

/** A book of leases in an SQLite database that has {@link LEASE_SCHEMA}. */
export class LeaseTable implements LeaseBook {
  readonly #db: DatabaseSync
  readonly #sql: Statements
  readonly #first: number

  constructor(db: DatabaseSync, makeFirst: () => number) {
    this.#db = db
    this.#sql = prepare(db)
    this.#first = Number(this.remember('first-slot', () => String(makeFirst())))
  }

  exclusively<Result>(work: () => Result): Result {
    this.#sql.begin.run()
    try {
      const result = work()
      this.#sql.commit.run()
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback')
      throw error
    }
  }

  rowOf(cidr: string, name: string): LeaseRow | undefined {
    return rowFrom(this.#sql.rowOf.get(cidr, name))
  }

  rowAt(cidr: string, slot: number): LeaseRow | undefined {
    return rowFrom(this.#sql.rowAt.get(cidr, slot))
  }

  insert(cidr: string, { slot, name, app }: LeaseRow, now: number): void {
    this.#sql.insert.run(cidr, slot, name, app, now)
  }

  use(cidr: string, slot: number, now: number): void {
    this.#sql.use.run(now, cidr, slot)
  }

  rest(cidr: string, slot: number, now: number): void {
    this.#sql.rest.run(now, cidr, slot)
  }

  remove(cidr: string, slot: number): void {
    this.#sql.remove.run(cidr, slot)
  }

  countHeld(cidr: string): number {
    return numberFrom(this.#sql.countHeld.get(cidr), 'n') ?? 0
  }

  countHeldBy(cidr: string, app: string): number {
    return numberFrom(this.#sql.countHeldBy.get(cidr, app), 'n') ?? 0
  }

  countResting(cidr: string): number {
    return numberFrom(this.#sql.countResting.get(cidr), 'n') ?? 0
  }

  unusedSlots(cidr: string, before: number, limit: number): number[] {
    return slotsFrom(this.#sql.unused.all(cidr, before, limit))
  }

  unusedSlotsOf(cidr: string, app: string, before: number, limit: number): number[] {
    return slotsFrom(this.#sql.unusedOf.all(cidr, app, before, limit))
  }

  restedSlot(cidr: string, before: number): number | undefined {
    return numberFrom(this.#sql.rested.get(cidr, before), 'slot')
  }

  firstSlot(): number {
    return this.#first
  }

  /** A text made once and then the same for every process and run: the random subnet, say. */
  remember(key: string, make: () => string): string {
    return this.exclusively(() => {
      const row = this.#sql.setting.get(key)
      if (typeof row?.value === 'string') return row.value
      const value = make()
      this.#sql.set.run(key, value)
      return value
    })
  }

  close(): void {
    this.#db.close()
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text)
  const held = 'from lease where cidr = ? and freed is null'
  return {
    begin: sql('begin immediate'),
    commit: sql('commit'),
    rowOf: sql('select slot, name, app from lease where cidr = ? and name = ?'),
    rowAt: sql('select slot, name, app from lease where cidr = ? and slot = ?'),
    insert: sql('insert into lease (cidr, slot, name, app, used) values (?, ?, ?, ?, ?)'),
    // A clock set back must not make a lease look long unused.
    use: sql('update lease set used = max(used, ?), freed = null where cidr = ? and slot = ?'),
    rest: sql('update lease set freed = ? where cidr = ? and slot = ?'),
    remove: sql('delete from lease where cidr = ? and slot = ?'),
    countHeld: sql('select held as n from tally where cidr = ?'),
    countHeldBy: sql(`select count(*) as n ${held} and app = ? and app <> ''`),
    countResting: sql('select resting as n from tally where cidr = ?'),
    unused: sql(`select slot ${held} and used < ? order by used limit ?`),
    unusedOf: sql(
      `select slot ${held} and app = ? and app <> '' and used < ? order by used limit ?`,
    ),
    rested: sql(
      'select slot from lease where cidr = ? and freed is not null and freed < ? order by freed limit 1',
    ),
    setting: sql('select value from setting where key = ?'),
    set: sql('insert into setting (key, value) values (?, ?)'),
  }
}

type Row = Record<string, unknown> | undefined

function rowFrom(row: Row): LeaseRow | undefined {
  if (row === undefined) return undefined
  return { slot: Number(row.slot), name: String(row.name), app: String(row.app) }
}

function numberFrom(row: Row, key: string): number | undefined {
  const value = row?.[key]
  return typeof value === 'number' ? value : undefined
}

const slotsFrom = (rows: readonly Record<string, unknown>[]) => rows.map((row) => Number(row.slot))
