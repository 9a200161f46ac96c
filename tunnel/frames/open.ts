import { codeOfNumber, numberOfCode, TunnelError } from '../codes.ts'
import type { Facts, OpenedInfo, OpenRequest, Protocol, Refusal } from '../flow.ts'
import {
  copyOf,
  readHex,
  readLine,
  readText,
  readU16,
  readU32,
  textBytes,
  writeHex,
  writeU16,
  writeU32,
} from './bytes.ts'
import {
  FLOW_ID_BYTES,
  HEADER_BYTES,
  MAX_CONTEXT_BYTES,
  MAX_INSTANCE_BYTES,
  MAX_NAME_BYTES,
  MAX_REASON_BYTES,
  TYPE,
} from './frame.ts'
import { makeFrame } from './write.ts'

/** OPEN (SPEC.md §4.1). */
export interface Open extends OpenRequest {
  /** Rises by one with each attachment of the flow; 1 for the first. */
  readonly attempt: number
  /** How far the opener will send before the first CREDIT. */
  readonly sendLimit: number
  /** How far the opener takes bytes before its first CREDIT. */
  readonly receiveLimit: number
}

export const NAME_AT = FLOW_ID_BYTES + 16

/** `open` must have passed `checkRequest` or come from `readOpen`. */
export function openFrame(stream: number, open: Open): Uint8Array {
  const frame = makeFrame(TYPE.OPEN, stream, NAME_AT + open.name.length + open.context.length)
  const at = HEADER_BYTES
  writeHex(frame, at, open.flowId)
  writeU32(frame, at + 16, open.attempt)
  writeU32(frame, at + 20, open.sendLimit)
  writeU32(frame, at + 24, open.receiveLimit)
  writeU16(frame, at + 28, open.port)
  frame[at + 30] = numberOfProtocol(open.protocol)
  frame[at + 31] = open.name.length
  putName(frame, at + NAME_AT, open.name)
  frame.set(open.context, at + NAME_AT + open.name.length)
  return frame
}

/** @throws TunnelError `protocol-error` */
export function readOpen(bytes: Uint8Array, start: number, end: number): Open {
  const nameEnd = start + NAME_AT + (bytes[start + 31] as number)
  return {
    flowId: readHex(bytes, start, start + FLOW_ID_BYTES),
    attempt: readAttempt(bytes, start + 16),
    sendLimit: readU32(bytes, start + 20),
    receiveLimit: readU32(bytes, start + 24),
    port: readPort(bytes, start + 28),
    protocol: protocolOf(bytes[start + 30] as number),
    name: readName(bytes, start + NAME_AT, nameEnd, end),
    context: readContext(bytes, nameEnd, end),
  }
}

/** OPENED (SPEC.md §4.2): gate and relay are the edge's to fill, the others the connector's. */
export function openedFrame(stream: number, info: OpenedInfo): Uint8Array {
  const instance = textBytes(info.instance, MAX_INSTANCE_BYTES)
  const frame = makeFrame(TYPE.OPENED, stream, 16 + instance.length)
  writeMicros(frame, HEADER_BYTES, info.gateMicros)
  writeMicros(frame, HEADER_BYTES + 4, info.relayMicros)
  writeMicros(frame, HEADER_BYTES + 8, info.resolveMicros)
  writeMicros(frame, HEADER_BYTES + 12, info.connectMicros)
  frame.set(instance, HEADER_BYTES + 16)
  return frame
}

export function readOpened(bytes: Uint8Array, start: number, end: number): OpenedInfo {
  return {
    gateMicros: readU32(bytes, start),
    relayMicros: readU32(bytes, start + 4),
    resolveMicros: readU32(bytes, start + 8),
    connectMicros: readU32(bytes, start + 12),
    instance: readLine(bytes, start + 16, end),
  }
}

/** What OPENED says a hop took: whole, and no more than 32 bits hold (71 minutes). */
export function writeMicros(bytes: Uint8Array, at: number, micros: number): void {
  writeU32(bytes, at, Math.min(0xffffffff, Math.max(0, Math.round(micros))))
}

/** REFUSED (SPEC.md §4.3). Facts that do not fit are left out: the code says enough. */
export function refusedFrame(stream: number, refusal: Refusal): Uint8Array {
  const reason = textBytes(refusal.reason, MAX_REASON_BYTES)
  const json = JSON.stringify(refusal.facts)
  const long = textBytes(json === '{}' ? '' : json, MAX_CONTEXT_BYTES + 1)
  const facts = long.length > MAX_CONTEXT_BYTES ? NOTHING : long
  const frame = makeFrame(TYPE.REFUSED, stream, 4 + reason.length + facts.length)
  writeU16(frame, HEADER_BYTES, numberOfCode(refusal.code))
  writeU16(frame, HEADER_BYTES + 2, reason.length)
  frame.set(reason, HEADER_BYTES + 4)
  frame.set(facts, HEADER_BYTES + 4 + reason.length)
  return frame
}

/** @throws TunnelError `protocol-error` */
export function readRefused(bytes: Uint8Array, start: number, end: number): Refusal {
  const reasonEnd = start + 4 + readU16(bytes, start + 2)
  if (reasonEnd > end) throw bad('REFUSED has a reason beyond its end')
  return {
    code: codeOfNumber(readU16(bytes, start)),
    reason: readLine(bytes, start + 4, reasonEnd),
    facts: readFacts(readText(bytes, reasonEnd, end)),
  }
}

export function readAttempt(bytes: Uint8Array, at: number): number {
  const attempt = readU32(bytes, at)
  if (attempt === 0) throw bad('attempts are counted from 1')
  return attempt
}

export function readPort(bytes: Uint8Array, at: number): number {
  const port = readU16(bytes, at)
  if (port === 0) throw bad('port 0')
  return port
}

/** IANA protocol numbers. */
export const numberOfProtocol = (protocol: Protocol): number => (protocol === 'tcp' ? 6 : 17)

export function protocolOf(number: number): Protocol {
  if (number === 6) return 'tcp'
  if (number === 17) return 'udp'
  throw bad('a protocol that is neither TCP nor UDP')
}

/** Lower-case letters, digits, `-`, `_` and `.` only: whatever else a name must be is the gate's. */
export function readName(bytes: Uint8Array, start: number, nameEnd: number, end: number): string {
  if (nameEnd > end || nameEnd === start || nameEnd - start > MAX_NAME_BYTES) {
    throw bad('a name of a wrong length')
  }
  let name = ''
  for (let at = start; at < nameEnd; at++) {
    const letter = LETTERS[bytes[at] as number]
    if (letter === undefined) throw bad('a name with a forbidden character')
    name += letter
  }
  return name
}

export function putName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i)
}

/** A copy: the frame's bytes go on or away. */
export function readContext(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (end - start > MAX_CONTEXT_BYTES) throw bad('a context beyond 4096 bytes')
  return copyOf(bytes, start, end)
}

/** @throws RangeError: the caller's mistake, not a peer's */
export function checkRequest(request: OpenRequest): void {
  const { flowId, name, port, context } = request
  if (!/^[0-9a-f]{32}$/.test(flowId)) throw new RangeError('a flow id is 32 hex digits')
  if (!NAME.test(name) || name.length > MAX_NAME_BYTES) throw new RangeError(`bad name: ${name}`)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError(`bad port: ${port}`)
  if (context.length > MAX_CONTEXT_BYTES) throw new RangeError('a context has 4096 bytes at most')
}

function readFacts(json: string): Facts {
  if (json === '') return {}
  try {
    return onlyFlat(JSON.parse(json))
  } catch {
    throw bad('REFUSED has facts that are not JSON')
  }
}

function onlyFlat(value: unknown): Facts {
  if (typeof value !== 'object' || value === null) return {}
  const flat = Object.entries(value).filter(([, fact]) => FLAT.has(typeof fact))
  return Object.fromEntries(flat.slice(0, 32))
}

const NAME = /^[a-z0-9._-]+$/
const LETTERS = Array.from({ length: 256 }, (_, code) => {
  const letter = String.fromCharCode(code)
  return NAME.test(letter) ? letter : undefined
})
const FLAT = new Set(['string', 'number', 'boolean'])
const NOTHING = new Uint8Array(0)
const bad = (message: string) => new TunnelError('protocol-error', message)
