/**
 * Loads main.ts with its compiled code kept between runs: stripping the types anew costs 35 ms of
 * every start, twice for `byname run`. JavaScript, so that this file costs nothing itself.
 */
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'

if (!process.env.NODE_COMPILE_CACHE) keepCompiledCode()
await import('./main.ts')

/** In the clone's own .byname, or where the user's caches are when the clone is somebody else's. */
function keepCompiledCode() {
  const clone = path.join(path.dirname(import.meta.dirname), '.byname', 'cache')
  const caches = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache')
  for (const directory of [clone, path.join(caches, 'byname')]) {
    if (enableCompileCache(directory).directory) return
  }
}
