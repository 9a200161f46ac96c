import { HEADER_BYTES, TYPE } from '../frames/frame.ts'
import { bodyFrame, finFrame } from '../frames/write.ts'
import { Held } from '../held.ts'
import type { Leg } from './leg.ts'

/** What a client sent before its flow was connected. */
export class Early extends Held {
  sendTo(leg: Leg): void {
    const { tunnel, stream, receives } = leg
    const bytes = this.take()
    const step = tunnel.outbox.maxBytes - HEADER_BYTES
    const first = receives.offset - bytes.length
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step)
      tunnel.queue.put(leg, bodyFrame(TYPE.DATA, stream, part), first + at + part.length)
    }
    if (this.hasEnded) tunnel.queue.put(leg, finFrame(stream, receives.offset), receives.offset)
  }
}
