/**
 * Loads main.ts with its compiled code kept between runs: stripping the types anew costs 35 ms of
 * every start, twice for `byname run`. JavaScript, so that this file costs nothing itself.
 */
import { enableCompileCache, registerHooks } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'

if (!process.env.NODE_COMPILE_CACHE) keepCompiledCode()
registerHooks({ resolve: resolveOurs })
await import('./main.ts')

/** In the clone's own .byname, or where the user's caches are when the clone is somebody else's. */
function keepCompiledCode() {
  const clone = path.join(path.dirname(import.meta.dirname), '.byname', 'cache')
  const caches = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache')
  for (const directory of [clone, path.join(caches, 'byname')]) {
    if (enableCompileCache(directory).directory) return
  }
}

/**
 * Our own files import one another by their real relative paths, and all are TypeScript: Node need not
 * look for links and package.json files around each of them, which takes a fifth of the loading.
 */
function resolveOurs(specifier, context, next) {
  const isOurs = specifier.startsWith('.') && specifier.endsWith('.ts')
  if (!isOurs) return next(specifier, context)
  const url = new URL(specifier, context.parentURL).href
  return { url, format: 'module-typescript', shortCircuit: true }
}
