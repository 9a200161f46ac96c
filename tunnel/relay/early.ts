import { HEADER_BYTES, TYPE } from '../frames/frame.ts'
import { FIN_FRAME_BYTES, putFin, putHeader } from '../frames/write.ts'
import { Held } from '../held.ts'
import type { Leg } from './leg.ts'

/** What a client sent before its flow was connected. */
export class Early extends Held {
  sendTo({ tunnel, stream, receives }: Leg): void {
    const bytes = this.take()
    const step = tunnel.outbox.maxBytes - HEADER_BYTES
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step)
      const to = tunnel.outbox.reserve(HEADER_BYTES + part.length)
      putHeader(tunnel.outbox.slab, to, TYPE.DATA, part.length, stream)
      tunnel.outbox.slab.set(part, to + HEADER_BYTES)
    }
    if (bytes.length > 0) tunnel.queue.mark(receives, 0)
    if (!this.hasEnded) return
    const to = tunnel.outbox.reserve(FIN_FRAME_BYTES)
    putFin(tunnel.outbox.slab, to, stream, receives.offset)
  }
}
