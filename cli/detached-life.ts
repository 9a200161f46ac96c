import type { Environment } from '../process/state.ts'
import { parseDuration } from './edge/duration.ts'

/**
 * How long a flow of this process may be without a tunnel, where `BYNAME_DETACHED_LIFE` says so (`90s`).
 * @throws {FlagError}
 */
export function detachedLifeMs({ BYNAME_DETACHED_LIFE: text }: Environment): number | undefined {
  return text === undefined || text === '' ? undefined : parseDuration(text, 'BYNAME_DETACHED_LIFE')
}
