import { createCipheriv } from 'node:crypto'

/** A prime length: bytes lost, twice or elsewhere do not fit the repetition. */
const BLOCK_BYTES = 65_521
const block = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(BLOCK_BYTES),
)
const repeated = Buffer.concat([block, block])

/** The bytes of the endless test stream from `offset` on, at most a block of them. */
export function patternAt(offset: number, length: number): Buffer {
  const start = offset % BLOCK_BYTES
  return repeated.subarray(start, start + Math.min(length, BLOCK_BYTES))
}

/** Whether `bytes` are what the stream has from `offset` on. */
export function isPattern(bytes: Buffer, offset: number): boolean {
  for (let at = 0; at < bytes.length; ) {
    const wanted = patternAt(offset + at, bytes.length - at)
    if (!bytes.subarray(at, at + wanted.length).equals(wanted)) return false
    at += wanted.length
  }
  return true
}
