/** Loads driver.ts with its compiled code kept for the next start, as cli/boot.mjs does. */
import { enableCompileCache } from 'node:module'

if (process.env.DRIVER_CACHE) enableCompileCache(process.env.DRIVER_CACHE)
await import('./driver.ts')
