import { open, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than any task under a lock may take: whoever holds it still has died. */
const STALE_MS = 20_000
const POLL_MS = 25

/**
 * Runs `task` while no other process holds the lock file. A lock left by a dead process is taken
 * over. Tasks must bear to run twice at once: two that take over one dead lock in the same instant do.
 */
export async function withFileLock<Result>(
  file: string,
  task: () => Promise<Result>,
): Promise<Result> {
  while (!(await take(file))) {
    if (await isStale(file)) await rm(file, { force: true })
    else await sleep(POLL_MS)
  }
  try {
    return await task()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(`${process.pid}\n`)
    await handle.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** By age alone: a pid may be of another container that shares the directory. */
async function isStale(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }))
  return Date.now() - mtimeMs > STALE_MS
}
