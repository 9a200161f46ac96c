import { lstat, readFile, rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Log } from '../../process/log.ts'
import { EnrolError } from './error.ts'

/** A join token as it was handed over: a file, or `-` for standard input. */
export interface TokenSource {
  /** `undefined` when there is no such file (any more). */
  read(): Promise<string | undefined>
  /** Takes the secret off the disk once it has done its work, where that can be done. */
  erase(log: Log): Promise<void>
}

export function tokenFrom(file: string): TokenSource {
  if (file === '-') return { read: () => text(process.stdin), erase: async () => undefined }
  return { read: () => readToken(file), erase: (log) => eraseToken(file, log) }
}

const MAX_BYTES = 4096

/** @throws {EnrolError} ERR_TOKEN_FILE when it is there and cannot be read */
async function readToken(file: string): Promise<string | undefined> {
  try {
    const bytes = await readFile(file)
    if (bytes.length <= MAX_BYTES) return String(bytes)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw unusable(file, `it cannot be read (${code})`)
  }
  throw unusable(file, 'it is too large to be a join token')
}

/** A mounted secret (a link, a read-only file system) is its owner's to remove. */
async function eraseToken(file: string, log: Log): Promise<void> {
  try {
    if (!(await lstat(file)).isFile()) return
    await rm(file)
    log.info({ event: 'token-erased', file }, 'the join token has done its work and was erased')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    log.warn({ event: 'token-kept', file, code }, 'the used join token could not be erased')
  }
}

const unusable = (file: string, why: string) =>
  new EnrolError('ERR_TOKEN_FILE', `the token file ${file} is of no use`, { why })
