import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { TunnelError } from '../../tunnel/codes.ts'
import type { FlowEnd, OpenedInfo, Refusal } from '../../tunnel/flow.ts'
import { copyOf, readHex, readOffset } from '../../tunnel/frames/bytes.ts'
import { Decoder } from '../../tunnel/frames/decoder.ts'
import { type FrameName, isControl, TYPE } from '../../tunnel/frames/frame.ts'
import {
  type Open,
  openedFrame,
  openFrame,
  readOpen,
  readOpened,
  readRefused,
  refusedFrame,
} from '../../tunnel/frames/open.ts'
import { readCode, readCredit, readGoAway } from '../../tunnel/frames/read.ts'
import {
  type Resume,
  type Resumed,
  readResume,
  readResumed,
  resumedFrame,
  resumeFrame,
} from '../../tunnel/frames/resume.ts'
import {
  bodyFrame,
  CREDIT_FRAME_BYTES,
  detachedFrame,
  FIN_FRAME_BYTES,
  type GoAway,
  goAwayFrame,
  pingFrame,
  putCredit,
  putFin,
  receivedFrame,
  resetFrame,
} from '../../tunnel/frames/write.ts'
import { type ControlMessage, controlCodec } from '../../tunnel/messages/control.ts'
import { readAuth, readHello, readReady } from '../../tunnel/messages/hello.ts'

/** One entry of tunnel/vectors/*.json. Bytes are `hex` (blanks are for people) and then `text`. */
export interface Vector {
  readonly file: string
  readonly name: string
  readonly hex: string
  readonly text?: string
  readonly type?: FrameName
  readonly stream?: number
  readonly means?: Record<string, unknown>
  readonly error?: string
  readonly skipped?: boolean
  /** Another spelling of what it means is what we would write. */
  readonly oneWay?: boolean
  readonly role?: 'connector'
}

const folder = path.join(import.meta.dirname, '../../tunnel/vectors')

export const vectors: Vector[] = globSync('*.json', { cwd: folder }).flatMap((file) => {
  const read = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Omit<Vector, 'file'>[]
  return read.map((vector) => ({ ...vector, file }))
})

export const bytesOf = ({ hex, text = '' }: Vector): Uint8Array =>
  new Uint8Array(Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.from(text)]))

export interface ReadFrame {
  readonly type: number
  readonly stream: number
  readonly body: Uint8Array
}

/** The frames of `chunks`, one after the other. */
export function decode(chunks: readonly Uint8Array[]): { frames: ReadFrame[]; heldBytes: number } {
  const frames: ReadFrame[] = []
  const decoder = new Decoder((type, stream, bytes, start, end) => {
    frames.push({ type, stream, body: copyOf(bytes, start, end) })
  })
  for (const chunk of chunks) decoder.push(copyOf(chunk))
  return { frames, heldBytes: decoder.heldBytes }
}

const hex = (bytes: Uint8Array) => readHex(bytes, 0, bytes.length)

/** What a frame says, in the words of the vectors. */
export function meaningOf({ type, body }: ReadFrame, role: 'client' | 'connector' = 'client') {
  if (isControl(type)) return controlCodec.decode(type, body)
  const read = READERS[type]
  if (read === undefined) throw new TunnelError('unsupported', 'no reader for this frame')
  return read(body, role)
}

type Reader = (body: Uint8Array, role: 'client' | 'connector') => object

const code: Reader = (body) => readCode(body, 0, body.length)
const token: Reader = (body) => ({ token: readOffset(body, 0) })

const READERS: Record<number, Reader> = {
  [TYPE.HELLO]: (body) => hexed(readHello(body)),
  [TYPE.AUTH]: (body) => hexed(readAuth(body)),
  [TYPE.READY]: (body, role) => readReady(body, role),
  [TYPE.PING]: token,
  [TYPE.PONG]: token,
  [TYPE.GOAWAY]: (body) => readGoAway(body, 0, body.length),
  [TYPE.RECEIVED]: (body) => ({ total: readOffset(body, 0) }),
  [TYPE.OPEN]: (body) => {
    const open = readOpen(body, 0, body.length)
    return { ...open, context: Buffer.from(open.context).toString() }
  },
  [TYPE.OPENED]: (body) => readOpened(body, 0, body.length),
  [TYPE.REFUSED]: (body) => readRefused(body, 0, body.length),
  [TYPE.DATA]: (body) => ({ bytes: hex(body) }),
  [TYPE.DATA_AT]: (body) => ({ offset: readOffset(body, 0), bytes: hex(body.subarray(8)) }),
  [TYPE.CREDIT]: (body) => readCredit(body, 0),
  [TYPE.FIN]: (body) => ({ offset: readOffset(body, 0) }),
  [TYPE.RESET]: code,
  [TYPE.RESUME]: (body) => {
    const resume = readResume(body, 0, body.length)
    return { ...resume, context: Buffer.from(resume.context).toString() }
  },
  [TYPE.RESUMED]: (body) => readResumed(body, 0),
  [TYPE.DETACHED]: code,
  [TYPE.DATAGRAM]: (body) => ({ bytes: hex(body) }),
}

/** Byte fields as hex; fields that are not there left out. */
function hexed(said: object): object {
  const entries = Object.entries(said).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, value instanceof Uint8Array ? hex(value) : value]),
  )
}

/** The frame that our own writer makes of a meaning; undefined for the handshake and plain bytes. */
export function encode(vector: Vector): Uint8Array | undefined {
  const { type, stream = 0, means = {} } = vector
  if (type === undefined) return undefined
  if (isControl(TYPE[type])) {
    const { type: number, body } = controlCodec.encode(means as unknown as ControlMessage)
    return bodyFrame(number, 0, body)
  }
  return WRITERS[type]?.(stream, means as never)
}

const text = (context: string) => new TextEncoder().encode(context)

const WRITERS: Partial<Record<FrameName, (stream: number, means: never) => Uint8Array>> = {
  PING: (_, { token }: { token: number }) => pingFrame(TYPE.PING, token),
  PONG: (_, { token }: { token: number }) => pingFrame(TYPE.PONG, token),
  GOAWAY: (_, means: GoAway) => goAwayFrame(means),
  RECEIVED: (_, { total }: { total: number }) => receivedFrame(total),
  OPEN: (stream, means: Open & { context: string }) =>
    openFrame(stream, { ...means, context: text(means.context) }),
  OPENED: (stream, means: OpenedInfo) => openedFrame(stream, means),
  REFUSED: (stream, means: Refusal) => refusedFrame(stream, means),
  CREDIT: (stream, { received, limit }: { received: number; limit: number }) => {
    const frame = new Uint8Array(CREDIT_FRAME_BYTES)
    putCredit(frame, 0, stream, received, limit)
    return frame
  },
  FIN: (stream, { offset }: { offset: number }) => {
    const frame = new Uint8Array(FIN_FRAME_BYTES)
    putFin(frame, 0, stream, offset)
    return frame
  },
  RESET: (stream, means: FlowEnd) => resetFrame(stream, means.code, means.reason),
  RESUME: (stream, means: Resume & { context: string }) =>
    resumeFrame(stream, { ...means, context: text(means.context) }),
  RESUMED: (stream, means: Resumed) => resumedFrame(stream, means),
  DETACHED: (stream, means: FlowEnd) => detachedFrame(stream, means.code, means.reason),
}
