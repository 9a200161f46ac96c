import type { Json, Store, WriteOptions, WriteResult } from './store.ts'

/**
 * Writes a key whatever is there. Another process may write at the same time: whoever was last is as
 * good, and after a few lost races the other's value is left.
 */
export async function overwrite(
  store: Pick<Store, 'get' | 'create' | 'update'>,
  key: string,
  value: Json,
  options: WriteOptions,
): Promise<WriteResult> {
  for (let tries = 0; tries < 5; tries++) {
    const entry = await store.get(key)
    const result = entry
      ? await store.update(key, value, entry.revision, options)
      : await store.create(key, value, options)
    if (result.kind === 'written') return result
  }
  return { kind: 'conflict' }
}
