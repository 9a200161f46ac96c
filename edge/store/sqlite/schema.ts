/** "byna": marks a SQLite file as a byname store (PRAGMA application_id). */
export const APPLICATION_ID = 0x62796e61

/**
 * Numbered migrations: the n-th brings user_version from n to n + 1. Released ones are never edited.
 *
 * A deleted or expired key stays for a while as a row without value, so that whoever follows the
 * store hears of it; `forgotten` is the highest revision of such a row that is gone.
 */
export const MIGRATIONS: readonly string[] = [
  `
  create table counters (name text primary key, value integer not null) strict, without rowid;
  insert into counters values ('revision', 0), ('forgotten', 0);

  create table entries (
    key text primary key,
    value text,
    revision integer not null,
    expires_at integer,
    deleted_at integer
  ) strict, without rowid;
  create unique index entries_by_revision on entries (revision);
  create index entries_by_expiry on entries (expires_at) where expires_at is not null;
  create index entries_by_deletion on entries (deleted_at) where deleted_at is not null;

  create table records (
    place integer primary key autoincrement,
    log text not null,
    at integer not null,
    size integer not null,
    record text not null
  ) strict;
  create index records_by_log on records (log, place, at, size);
  create table logs (log text primary key, size integer not null) strict, without rowid;
  `,
]
