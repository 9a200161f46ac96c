import { randomBytes } from 'node:crypto'
import { link, rm } from 'node:fs/promises'
import { readSecret, writeSecret } from '../process/state.ts'

/**
 * The secret of a file that several processes may be the first to need: `make` runs where there is
 * none yet, and everybody gets what the first of them wrote.
 * @throws {StateError} ERR_SECRET_READABLE
 */
export async function sharedSecret(file: string, make: () => Promise<string>): Promise<string> {
  const found = await readSecret(file)
  if (found) return found.toString('utf8')
  const fresh = `${file}.${randomBytes(6).toString('hex')}.first`
  try {
    await writeSecret(fresh, await make())
    // link, unlike rename, does not write over what another process was quicker to make.
    await link(fresh, file).catch(ifThere)
  } finally {
    await rm(fresh, { force: true })
  }
  return String(await readSecret(file))
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
