import { type FSWatcher, type Stats, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'

/** Events come in bursts: an editor truncates, writes, renames. Told once it was quiet this long. */
const QUIET_MS = 20
/** File systems that tell nothing (network mounts, some containers) are looked at instead. */
const POLL_MS = 2000

/**
 * Calls `changed` when the file's content may be another one. The directory is watched, because an
 * editor puts a new file in the old one's place, and Kubernetes a new link.
 * Resolves, once it is watching, with the way to stop.
 */
export async function watchFile(file: string, changed: () => void): Promise<() => void> {
  let seen = signatureOf(await stat(file).catch(() => undefined))
  let quiet: NodeJS.Timeout | undefined
  const look = async (): Promise<void> => {
    const now = signatureOf(await stat(file).catch(() => undefined))
    if (seen === now) return
    seen = now
    changed()
  }
  const stir = () => {
    clearTimeout(quiet)
    quiet = setTimeout(() => void look(), QUIET_MS)
  }
  const poll = setInterval(() => void look(), POLL_MS).unref()
  const watcher = watchDirectory(path.dirname(file), stir)
  return () => {
    clearTimeout(quiet)
    clearInterval(poll)
    watcher?.close()
  }
}

function watchDirectory(directory: string, stir: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, stir)
    // Without a watcher the poll goes on.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

const signatureOf = (stats: Stats | undefined) =>
  stats ? `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}` : 'missing'
