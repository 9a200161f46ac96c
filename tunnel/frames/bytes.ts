import { TunnelError } from '../codes.ts'

/** Big-endian numbers. Reading is unchecked: the decoder has checked a frame's least length. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1)
}

export function readU24(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 16) | readU16(bytes, at + 1)
}

export function readU32(bytes: Uint8Array, at: number): number {
  return byte(bytes, at) * 0x1000000 + readU24(bytes, at + 1)
}

/**
 * An offset: 64 bits on the wire, at most 2⁵³ − 1 in this version (SPEC.md §5).
 * @throws TunnelError `protocol-error`
 */
export function readOffset(bytes: Uint8Array, at: number): number {
  const high = readU32(bytes, at)
  if (high > 0x1fffff) throw new TunnelError('protocol-error', 'an offset is beyond 2^53 - 1')
  return high * 0x100000000 + readU32(bytes, at + 4)
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function writeU24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16
  writeU16(bytes, at + 1, value)
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  writeU24(bytes, at + 1, value)
}

export function writeOffset(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, Math.floor(value / 0x100000000))
  writeU32(bytes, at + 4, value >>> 0)
}

/** A real copy: `slice` of a Buffer would be a view. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end))
}

export function readHex(bytes: Uint8Array, start: number, end: number): string {
  return bytes.subarray(start, end).toHex()
}

export function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) {
    bytes[at + i / 2] = (digit(hex, i) << 4) | digit(hex, i + 1)
  }
}

/** @throws TunnelError `protocol-error` when it is not UTF-8 */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return ''
  try {
    return UTF8.decode(bytes.subarray(start, end))
  } catch {
    throw new TunnelError('protocol-error', 'a text is not UTF-8')
  }
}

/** A text that people will read on one line: control characters become blanks. */
export function readLine(bytes: Uint8Array, start: number, end: number): string {
  return readText(bytes, start, end).replace(/\p{Cc}/gu, ' ')
}

/** UTF-8 of `text`, cut to `maxBytes` at a whole character. */
export function textBytes(text: string, maxBytes: number): Uint8Array {
  if (text === '') return NOTHING
  const bytes = TO_UTF8.encode(text)
  if (bytes.length <= maxBytes) return bytes
  let end = maxBytes
  while ((byte(bytes, end) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

/** 0–9 and a–f only. */
function digit(hex: string, at: number): number {
  const unit = hex.charCodeAt(at)
  return unit < 0x3a ? unit - 0x30 : unit - 0x57
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number
const NOTHING = new Uint8Array(0)
const TO_UTF8 = new TextEncoder()
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
