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

interface Symbols {
  readonly buffer: symbol
  readonly callback: symbol
}

/** The same for all sockets of a process. */
let known: Symbols | undefined

/**
 * From now on what the socket reads is given to `onBytes`, always in the same memory, and no event
 * `data` comes any more. That is Node's option `onread`, which only sockets have that Node itself
 * connects: for those of a TLS server, and of an upgrade, this sets what the option would have set. Else
 * Node cuts what TLS reads out of blocks that all its TLS sockets share. Nobody can give such a block
 * back, and V8 makes a full collection for every 24 MB of them: half of an edge's time in bulk.
 *
 * `place`: of several sockets, if what is read is copied out before `onBytes` returns. False, and
 * nothing has changed, if this Node has no such thing or bytes wait to be read.
 */
export function readInPlace(
  socket: Duplex,
  onBytes: (bytes: Buffer) => void,
  place?: Buffer,
): boolean {
  const inner = socket as unknown as Socket
  known ??= findSymbols(inner)
  const isReady = socket.readableLength === 0 && typeof inner._handle?.useUserBuffer === 'function'
  if (!isReady || known === undefined || inner[known.buffer] !== null) return false
  const buffer = place ?? placeOf(socket instanceof TLSSocket ? RECORD_BYTES : BARE_BYTES)
  inner[known.buffer] = buffer
  inner[known.callback] = (length: number) => onBytes(buffer.subarray(0, length))
  inner._handle?.useUserBuffer?.(buffer)
  return true
}

/** One byte more, so that nobody takes what was read for all there is in this memory: see release.ts. */
export const placeOf = (size = BARE_BYTES): Buffer =>
  Buffer.allocUnsafeSlow(size + 1).subarray(0, size)

function findSymbols(socket: Socket): Symbols | undefined {
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find(({ description }) => description === BUFFER)
  const callback = symbols.find(({ description }) => description === CALLBACK)
  return buffer && callback && { buffer, callback }
}
