import { StoreError, type StoreProblem } from '../store.ts'

/** SQLite's primary result code of an error of node:sqlite; `undefined` for any other error. */
function resultCode(error: unknown): number | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return undefined
  return errcode & 0xff
}

/** https://www.sqlite.org/rescode.html */
const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
} as const

export const isBusy = (error: unknown) => {
  const code = resultCode(error)
  return code === SQLITE.busy || code === SQLITE.locked
}

/** The coded error of what SQLite threw. What is not SQLite's (a bug) is passed on as it is. */
export function storeProblem(error: unknown, path: string): unknown {
  const code = resultCode(error)
  if (code === undefined) return error
  const { message } = error as Error
  const found = PROBLEMS.get(code) ?? UNAVAILABLE
  return new StoreError(found.code, `${found.what}: ${path}`, {
    path,
    why: message,
    fix: found.fix,
  })
}

interface Known {
  readonly code: StoreProblem
  readonly what: string
  readonly fix: string
}

const UNAVAILABLE: Known = {
  code: 'ERR_STORE_UNAVAILABLE',
  what: 'the store cannot be used',
  fix: 'look at the disk and at the rights of the state directory',
}

const CORRUPT: Known = {
  code: 'ERR_STORE_CORRUPT',
  what: 'the store is damaged',
  fix: 'restore it from a backup, or move it away to begin with an empty one',
}

const PROBLEMS = new Map<number, Known>([
  [SQLITE.corrupt, CORRUPT],
  [SQLITE.notadb, CORRUPT],
  [
    SQLITE.busy,
    {
      code: 'ERR_STORE_BUSY',
      what: 'another process holds the store',
      fix: 'see which one: fuser on the file',
    },
  ],
  [
    SQLITE.full,
    { code: 'ERR_STORE_FULL', what: 'no room is left for the store', fix: 'free disk space' },
  ],
  [
    SQLITE.readonly,
    {
      code: 'ERR_STORE_READONLY',
      what: 'the store cannot be written',
      fix: 'give the file and its directory to the user that runs the edge',
    },
  ],
])
