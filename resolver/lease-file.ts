import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LEASE_SCHEMA, LEASE_SCHEMA_VERSION, LeaseTable } from './leases/lease-table.ts'

/** The lease file cannot be used at all: not readable, say, or a newer version's. */
export class LeaseFileError extends Error {
  override readonly name = 'LeaseFileError'
  readonly code = 'ERR_LEASE_FILE'
  readonly file: string
  readonly reason: string
  constructor(file: string, reason: string) {
    super(`the lease file ${file} cannot be used: ${reason}`)
    this.file = file
    this.reason = reason
  }
}

export interface LeaseFileOptions {
  /** Gives that many random octets. */
  readonly random: (octets: number) => Uint8Array
  /** Called when a damaged file was moved away and a new one begun: this must be said. */
  readonly onSetAside: (moved: { readonly to: string; readonly reason: string }) => void
}

/**
 * A book of leases in an SQLite file (WAL, 0600), which several processes may have open at once. A
 * new lease is synced to disk before it is given out.
 * @throws {LeaseFileError}
 */
export function openLeaseFile(file: string, options: LeaseFileOptions): LeaseTable {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    return openOrReplace(file, options)
  } catch (error) {
    throw new LeaseFileError(file, reasonOf(error))
  }
}

/** A book without a file, for as long as the process lives. */
export function openLeaseMemory(): LeaseTable {
  return new LeaseTable(open(':memory:'), () => 0)
}

function openOrReplace(file: string, options: LeaseFileOptions): LeaseTable {
  try {
    return new LeaseTable(open(file), () => 0)
  } catch (error) {
    if (!isDamaged(error)) throw error
    options.onSetAside({ to: setAside(file), reason: reasonOf(error) })
    // Addresses of the lost file may live on in programs: begin where they hardly were.
    const first = () => new DataView(options.random(4).slice().buffer).getUint32(0)
    return new LeaseTable(open(file), first)
  }
}

function open(file: string): DatabaseSync {
  // SQLite makes its files as wide open as the umask lets it, and -wal like the file itself.
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600))
  const db = new DatabaseSync(file, { timeout: 2000 })
  try {
    setUp(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function setUp(db: DatabaseSync): void {
  switchToWal(db)
  // A lease that was told to a program must outlive the power as well.
  db.exec('pragma synchronous = full')
  const [check] = Object.values(db.prepare('pragma quick_check(1)').get() ?? {})
  if (check !== 'ok') throw new DamagedError(String(check))
  const version = Number(db.prepare('pragma user_version').get()?.user_version ?? 0)
  if (version > LEASE_SCHEMA_VERSION)
    throw new Error(`it is of version ${version}, newer than this byname`)
  if (version < LEASE_SCHEMA_VERSION) db.exec(`begin immediate; ${LEASE_SCHEMA} commit`)
}

/** The switch itself does not wait for other processes that open the file at this moment. */
function switchToWal(db: DatabaseSync): void {
  for (let tries = 0; ; tries++) {
    try {
      db.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if (errcodeOf(error) !== SQLITE_BUSY || tries >= 100) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

class DamagedError extends Error {}

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

function isDamaged(error: unknown): boolean {
  const code = errcodeOf(error)
  return error instanceof DamagedError || code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

function errcodeOf(error: unknown): number | undefined {
  const known = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
  return known ? Number(error.errcode) & 0xff : undefined
}

/** Moves the file and SQLite's own beside it out of the way, under a name that is free. */
function setAside(file: string): string {
  let to = `${file}.bad`
  for (let n = 1; existsSync(to); n++) to = `${file}.bad-${n}`
  renameSync(file, to)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, to + suffix)
  }
  return to
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
