import { closeSync, mkdirSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../store.ts'
import { isBusy, storeProblem } from './problem.ts'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'

/** While working, the event loop waits this long for another process at most; then the queue retries. */
const BUSY_MS = 40
const OPEN_DEADLINE_MS = 5_000

/**
 * Opens the file (0600; made if missing), sees that it is ours and sound, brings it up to date.
 * A file that is not ours is not touched.
 * @throws {StoreError}
 */
export async function openFile(file: string): Promise<DatabaseSync> {
  const deadline = performance.now() + OPEN_DEADLINE_MS
  for (;;) {
    try {
      return openOnce(file)
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeProblem(error, file)
    }
    await sleep(20)
  }
}

function openOnce(file: string): DatabaseSync {
  refuseOtherFormat(file)
  const db = new DatabaseSync(file, { timeout: BUSY_MS })
  try {
    const isFresh = refuseForeign(db, file)
    db.exec('pragma journal_mode = wal; pragma journal_size_limit = 67108864')
    migrate(db, isFresh)
    checkEntries(db, file)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** SQLite would open any file and fail at the first read; saying "foreign" needs a look at its head. */
function refuseOtherFormat(file: string): void {
  const head = Buffer.alloc(16)
  const length = readHead(file, head)
  if (length === 0 || head.toString('latin1') === 'SQLite format 3\0') return
  throw foreign(file)
}

function readHead(file: string, head: Buffer): number {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    // SQLite gives its -wal and -shm files the mode of the file itself.
    const fd = openSync(file, 'a+', 0o600)
    try {
      return readSync(fd, head, 0, head.length, 0)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new StoreError('ERR_STORE_UNAVAILABLE', `the store cannot be opened: ${file}`, {
      path: file,
      why,
      fix: 'look at the rights of the state directory',
    })
  }
}

/** Whether the file is still empty. */
function refuseForeign(db: DatabaseSync, file: string): boolean {
  const id = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  const tables = db.prepare('select count(*) as count from sqlite_schema').get()?.count
  if (id === 0 && version === 0 && tables === 0) return true
  if (id !== APPLICATION_ID) throw foreign(file)
  if (version <= MIGRATIONS.length) return false
  throw new StoreError('ERR_STORE_NEWER', `the store was written by a newer byname: ${file}`, {
    path: file,
    why: `it has schema ${version}, this byname knows ${MIGRATIONS.length}`,
    fix: 'upgrade this byname',
  })
}

function migrate(db: DatabaseSync, isFresh: boolean): void {
  if (!isFresh && pragma(db, 'user_version') === MIGRATIONS.length) return
  db.exec('begin immediate')
  try {
    // Read again under the lock: another process may have been first.
    const version = pragma(db, 'user_version')
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql)
    db.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${MIGRATIONS.length}`)
    db.exec('commit')
  } catch (error) {
    if (db.isTransaction) db.exec('rollback')
    throw error
  }
}

/** Sessions and enrolments must be whole; the (much larger) logs are not read through at each start. */
function checkEntries(db: DatabaseSync, file: string): void {
  const found = db.prepare("pragma quick_check('entries')").get()
  if (found?.quick_check === 'ok') return
  throw new StoreError('ERR_STORE_CORRUPT', `the store is damaged: ${file}`, {
    path: file,
    why: String(found?.quick_check),
    fix: 'restore it from a backup, or move it away to begin with an empty one',
  })
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`pragma ${name}`).get()?.[name])
}

function foreign(file: string): StoreError {
  return new StoreError('ERR_STORE_FOREIGN', `not a byname store: ${file}`, {
    path: file,
    why: 'it is another kind of file, or its first page is damaged',
    fix: 'name another state directory, or restore the store from a backup',
  })
}
