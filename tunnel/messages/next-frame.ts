import { TunnelError } from '../codes.ts'
import { copyOf } from '../frames/bytes.ts'
import { Decoder } from '../frames/decoder.ts'
import { HEADER_BYTES } from '../frames/frame.ts'
import type { LinkClosed, LinkPort, TunnelClock } from '../port.ts'

export interface Expected {
  readonly type: number
  readonly maxBytes: number
  readonly timeoutMs: number
}

/**
 * The payload of the next frame, which must be alone in its message. Afterwards the link holds what
 * comes for the next who listens.
 * @throws TunnelError `protocol-error` for another frame, `tunnel-lost` for silence, or the close's
 */
export function nextFrame(
  link: LinkPort,
  expected: Expected,
  clock: TunnelClock,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const frames: Uint8Array[] = []
  const decoder = new Decoder((type, _stream, bytes, start, end) => {
    if (type !== expected.type) throw new TunnelError('protocol-error', 'not this frame', { type })
    frames.push(copyOf(bytes, start, end))
  }, HEADER_BYTES + expected.maxBytes)
  const settle = (end: () => void) => {
    callOff()
    link.onMessage = undefined
    link.onClosed = undefined
    end()
  }
  const callOff = clock.after(expected.timeoutMs, () => settle(() => reject(silence())))
  link.onMessage = (message) => {
    const read = readOne(decoder, frames, message)
    if (read instanceof Uint8Array) settle(() => resolve(read))
    if (read instanceof TunnelError) settle(() => reject(read))
  }
  link.onClosed = (why) => settle(() => reject(closedEarly(why)))
  return promise
}

function readOne(
  decoder: Decoder,
  frames: Uint8Array[],
  message: Uint8Array,
): Uint8Array | TunnelError | undefined {
  try {
    decoder.push(message)
  } catch (error) {
    if (error instanceof TunnelError) return error
    throw error
  }
  const [first] = frames
  const isAlone = frames.length === 1 && decoder.heldBytes === 0
  if (first === undefined || isAlone) return first
  return new TunnelError('protocol-error', 'more than one frame in a message of the handshake')
}

const silence = () => new TunnelError('tunnel-lost', 'the other end said nothing in time')

const closedEarly = (why: LinkClosed) =>
  new TunnelError(why.code, why.reason || 'closed before READY', { by: why.by })

/** Tells the peer what went wrong, but not what went wrong inside. */
export function closeWith(link: LinkPort, error: unknown): TunnelError {
  const known =
    error instanceof TunnelError
      ? error
      : new TunnelError('internal', error instanceof Error ? error.message : 'unknown error')
  link.close(known.code, known.code === 'internal' ? '' : known.message)
  return known
}
