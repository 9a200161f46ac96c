import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** What Node's option `onread` sets, by the names of its symbols. */
const BUFFER = 'kBuffer'
const CALLBACK = 'kBufferCb'

/** What TLS gives at once (RFC 8446 §5.1), and what is read of a bare socket at once. */
const RECORD_BYTES = 16_384
const BARE_BYTES = 65_536

type Socket = Record<symbol, unknown> & {
  readonly _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null
}

/**
 * From now on what the socket reads is given to `onBytes`, always in the same memory, and no event
 * `data` comes any more. That is Node's option `onread`, which only sockets have that Node itself
 * connects: for those of a TLS server, and of an upgrade, this sets what the option would have set. Else
 * Node cuts what TLS reads out of blocks that all its TLS sockets share. Nobody can give such a block
 * back, and V8 makes a full collection for every 24 MB of them: half of an edge's time in bulk.
 *
 * False, and nothing has changed, if this Node has no such thing or bytes wait to be read.
 */
export function readInPlace(socket: Duplex, onBytes: (bytes: Buffer) => void): boolean {
  const inner = socket as unknown as Socket
  const symbols = Object.getOwnPropertySymbols(socket)
  const at = symbols.find(({ description }) => description === BUFFER)
  const callbackAt = symbols.find(({ description }) => description === CALLBACK)
  const isReady = socket.readableLength === 0 && typeof inner._handle?.useUserBuffer === 'function'
  if (!isReady || at === undefined || callbackAt === undefined || inner[at] !== null) return false
  const size = socket instanceof TLSSocket ? RECORD_BYTES : BARE_BYTES
  // One byte more, so that nobody takes what was read for all there is in this memory: see release.ts.
  const buffer = Buffer.allocUnsafeSlow(size + 1).subarray(0, size)
  inner[at] = buffer
  inner[callbackAt] = (length: number) => onBytes(buffer.subarray(0, length))
  inner._handle?.useUserBuffer?.(buffer)
  return true
}
