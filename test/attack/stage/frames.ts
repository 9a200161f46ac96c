import { randomBytes } from 'node:crypto'
import { TYPE } from '../../../tunnel/frames/frame.ts'
import { openFrame } from '../../../tunnel/frames/open.ts'
import { bodyFrame, CREDIT_FRAME_BYTES, putCredit } from '../../../tunnel/frames/write.ts'
import { writeContext } from '../../../tunnel/messages/open-context.ts'

/** As any client may send it. */
export const open = (stream: number, name: string, sendLimit = 16_384): Uint8Array =>
  openFrame(stream, {
    flowId: randomBytes(16).toString('hex'),
    name,
    port: 80,
    protocol: 'tcp',
    context: writeContext({ onRamp: 'run' }),
    attempt: 1,
    sendLimit,
    receiveLimit: 16_384,
  })

export function credit(stream: number, received: number, limit: number): Uint8Array {
  const frame = new Uint8Array(CREDIT_FRAME_BYTES)
  putCredit(frame, 0, stream, received, limit)
  return frame
}

export const json = (type: number, text: string): Uint8Array =>
  bodyFrame(type, 0, Buffer.from(text))

/** A byte that may come, or not: the flow of `stream` has none. */
export const oneByte = (stream: number): Uint8Array =>
  bodyFrame(TYPE.DATA, stream, new Uint8Array(1))

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
