import { TunnelError } from '../codes.ts'
import type { Protocol } from '../flow.ts'
import {
  readHex,
  readLine,
  readOffset,
  readU32,
  textBytes,
  writeHex,
  writeOffset,
  writeU16,
  writeU32,
} from './bytes.ts'
import { FLOW_ID_BYTES, HEADER_BYTES, MAX_INSTANCE_BYTES, RESUMED_BYTES, TYPE } from './frame.ts'
import {
  numberOfProtocol,
  protocolOf,
  putName,
  readAttempt,
  readContext,
  readName,
  readPort,
  writeMicros,
} from './open.ts'
import { makeFrame } from './write.ts'

/** RESUME (SPEC.md §7.1): the client asks for its flow through another tunnel. */
export interface Resume {
  readonly flowId: string
  readonly attempt: number
  /** The next offset that the client expects. */
  readonly received: number
  /** `received` counts the connector's FIN. */
  readonly hasFin: boolean
  /** The client's credit, as in CREDIT. */
  readonly limit: number
  readonly port: number
  readonly protocol: Protocol
  readonly name: string
  /** OPENED's. */
  readonly instance: string
  readonly context: Uint8Array
}

const NAME_AT = FLOW_ID_BYTES + 25
/** Of the flags: the other's FIN has come, and `received` counts it. */
const HAS_FIN = 1

export function resumeFrame(stream: number, resume: Resume): Uint8Array {
  const instance = textBytes(resume.instance, MAX_INSTANCE_BYTES)
  const { name, context } = resume
  const length = NAME_AT + name.length + 1 + instance.length + context.length
  const frame = makeFrame(TYPE.RESUME, stream, length)
  const at = HEADER_BYTES
  writeHex(frame, at, resume.flowId)
  writeU32(frame, at + 16, resume.attempt)
  writeOffset(frame, at + 20, resume.received)
  writeOffset(frame, at + 28, resume.limit)
  writeU16(frame, at + 36, resume.port)
  frame[at + 38] = numberOfProtocol(resume.protocol)
  frame[at + 39] = resume.hasFin ? HAS_FIN : 0
  frame[at + 40] = name.length
  putName(frame, at + NAME_AT, name)
  const instanceAt = at + NAME_AT + name.length
  frame[instanceAt] = instance.length
  frame.set(instance, instanceAt + 1)
  frame.set(context, instanceAt + 1 + instance.length)
  return frame
}

/** @throws TunnelError `protocol-error` */
export function readResume(bytes: Uint8Array, start: number, end: number): Resume {
  const nameEnd = start + NAME_AT + (bytes[start + 40] as number)
  const name = readName(bytes, start + NAME_AT, nameEnd, end - 1)
  const instanceEnd = nameEnd + 1 + (bytes[nameEnd] as number)
  if (instanceEnd > end || instanceEnd - nameEnd - 1 > MAX_INSTANCE_BYTES) {
    throw new TunnelError('protocol-error', 'RESUME has an instance beyond its end')
  }
  return {
    flowId: readHex(bytes, start, start + FLOW_ID_BYTES),
    attempt: readAttempt(bytes, start + 16),
    received: readOffset(bytes, start + 20),
    hasFin: readHasFin(bytes, start + 39),
    limit: readOffset(bytes, start + 28),
    port: readPort(bytes, start + 36),
    protocol: protocolOf(bytes[start + 38] as number),
    name,
    instance: readLine(bytes, nameEnd + 1, instanceEnd),
    context: readContext(bytes, instanceEnd, end),
  }
}

/** RESUMED (SPEC.md §7.2): the connector has the flow and says where it stands. */
export interface Resumed {
  readonly attempt: number
  readonly received: number
  /** `received` counts the client's FIN. */
  readonly hasFin: boolean
  readonly limit: number
  readonly gateMicros: number
  readonly relayMicros: number
}

export function resumedFrame(stream: number, resumed: Resumed): Uint8Array {
  const frame = makeFrame(TYPE.RESUMED, stream, RESUMED_BYTES)
  writeU32(frame, HEADER_BYTES, resumed.attempt)
  writeOffset(frame, HEADER_BYTES + 4, resumed.received)
  writeOffset(frame, HEADER_BYTES + 12, resumed.limit)
  writeMicros(frame, HEADER_BYTES + 20, resumed.gateMicros)
  writeMicros(frame, HEADER_BYTES + 24, resumed.relayMicros)
  frame[HEADER_BYTES + 28] = resumed.hasFin ? HAS_FIN : 0
  return frame
}

export function readResumed(bytes: Uint8Array, start: number): Resumed {
  return {
    attempt: readAttempt(bytes, start),
    received: readOffset(bytes, start + 4),
    hasFin: readHasFin(bytes, start + 28),
    limit: readOffset(bytes, start + 12),
    gateMicros: readU32(bytes, start + 20),
    relayMicros: readU32(bytes, start + 24),
  }
}

/** The other flags are a later version's. */
const readHasFin = (bytes: Uint8Array, at: number): boolean =>
  ((bytes[at] as number) & HAS_FIN) !== 0
