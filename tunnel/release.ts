/** Below this the collector is cheaper. */
export const LEAST_FREED_BYTES = 4096

/**
 * Gives the memory of `bytes` back at once, for the next read to use while it is still in the cache.
 * Left to the collector it piles up: V8 runs a full collection for every 12 MB of it. Does nothing
 * where other bytes share the memory. Whoever calls this is the last that reads `bytes`.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < LEAST_FREED_BYTES || byteLength !== buffer.byteLength) return
  if (buffer instanceof ArrayBuffer && buffer.resizable === false) buffer.transfer(0)
}
