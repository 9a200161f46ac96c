/**
 * The messages of SOCKS5 (RFC 1928, RFC 1929) and SOCKS4/4a, read from the beginning of what has
 * arrived. Nothing is kept between calls: `more` asks to be called again with more bytes.
 */
export type Read<Value> =
  | { readonly kind: 'more' }
  | { readonly kind: 'read'; readonly value: Value; readonly usedBytes: number }
  | { readonly kind: 'malformed'; readonly why: string }

export const METHOD = { none: 0x00, password: 0x02, notAcceptable: 0xff } as const
export type Command = 'connect' | 'bind' | 'udp-associate' | 'unknown'

export interface Asked {
  readonly command: Command
  /** A name as the bytes had it, or an address in text. */
  readonly host: string
  readonly port: number
}

/** RFC 1928 §3: version, number of methods, methods. */
export function readGreeting(bytes: Uint8Array): Read<readonly number[]> {
  const count = bytes[1]
  if (count === undefined || bytes.length < 2 + count) return MORE
  if (count === 0) return malformed('no authentication method offered')
  return read([...bytes.subarray(2, 2 + count)], 2 + count)
}

/** RFC 1929 §2: version 1, user name, password, 1 to 255 octets each. */
export function readPassword(bytes: Uint8Array): Read<{ user: string; password: string }> {
  if (bytes[0] !== undefined && bytes[0] !== 1) return malformed('not version 1 of RFC 1929')
  const userBytes = bytes[1]
  if (userBytes === undefined) return MORE
  const passwordBytes = bytes[2 + userBytes]
  if (passwordBytes === undefined) return MORE
  const end = 3 + userBytes + passwordBytes
  if (bytes.length < end) return MORE
  const user = text(bytes.subarray(2, 2 + userBytes))
  return read({ user, password: text(bytes.subarray(3 + userBytes, end)) }, end)
}

/** RFC 1928 §4: version, command, reserved, address type, address, port. */
export function readRequest5(bytes: Uint8Array): Read<Asked> {
  if (bytes[0] !== undefined && bytes[0] !== 5) return malformed('not a SOCKS5 request')
  const type = bytes[3]
  if (type === undefined) return MORE
  const span = addressSpan(type, bytes[4])
  if (span === 'more') return MORE
  if (span === 'unknown') return malformed('unknown address type')
  const end = span.start + span.length
  if (bytes.length < end + 2) return MORE
  const host = addressText(type, bytes.subarray(span.start, end))
  const command = COMMANDS[bytes[1] ?? 0] ?? 'unknown'
  return read({ command, host, port: portAt(bytes, end) }, end + 2)
}

/** SOCKS4: version, command, port, address, user id, NUL; 4a: address 0.0.0.x, then name, NUL. */
export function readRequest4(bytes: Uint8Array): Read<Asked> {
  if (bytes.length < 9) return MORE
  const user = textUntilNul(bytes, 8)
  if (user === 'more') return MORE
  if (user === 'too-long') return malformed('user id over 255 octets')
  const command = COMMANDS[bytes[1] ?? 0]
  const asked = {
    command: command === 'udp-associate' ? 'unknown' : (command ?? 'unknown'),
  } as const
  const port = portAt(bytes, 2)
  const address = bytes.subarray(4, 8)
  if (!isSocks4a(address)) return read({ ...asked, host: address.join('.'), port }, user.end)
  const name = textUntilNul(bytes, user.end)
  if (name === 'more') return MORE
  if (name === 'too-long') return malformed('name over 255 octets')
  return read({ ...asked, host: name.text, port }, name.end)
}

/** RFC 1928 §6. The bound address is not told: it would be the connector's, and means nothing here. */
export function reply5(code: number): Uint8Array {
  return Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0)
}

/** 0x5a granted, 0x5b rejected or failed: SOCKS4 has no finer words. */
export function reply4(granted: boolean): Uint8Array {
  return Uint8Array.of(0, granted ? 0x5a : 0x5b, 0, 0, 0, 0, 0, 0)
}

const MORE = { kind: 'more' } as const
const COMMANDS: Record<number, Command> = { 1: 'connect', 2: 'bind', 3: 'udp-associate' }
const MAX_FIELD_BYTES = 255

const read = <Value>(value: Value, usedBytes: number): Read<Value> => ({
  kind: 'read',
  value,
  usedBytes,
})
const malformed = (why: string) => ({ kind: 'malformed', why }) as const
const portAt = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
const isSocks4a = ([a, b, c, d]: Uint8Array) => a === 0 && b === 0 && c === 0 && d !== 0
/** RFC 1928 names no charset. UTF-8; what is not becomes U+FFFD, which no hostname may hold. */
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')

function addressSpan(type: number, nameBytes: number | undefined) {
  if (type === 1) return { start: 4, length: 4 }
  if (type === 4) return { start: 4, length: 16 }
  if (type !== 3) return 'unknown'
  return nameBytes === undefined ? 'more' : { start: 5, length: nameBytes }
}

/**
 * A name that spells an address is kept apart from an address by readDestination, which takes both;
 * IPv6 is written with all its groups.
 */
function addressText(type: number, bytes: Uint8Array): string {
  if (type === 1) return bytes.join('.')
  if (type === 3) return text(bytes)
  const groups = Array.from({ length: 8 }, (_, at) => portAt(bytes, at * 2).toString(16))
  return groups.join(':')
}

function textUntilNul(bytes: Uint8Array, start: number) {
  const nul = bytes.indexOf(0, start)
  const length = (nul < 0 ? bytes.length : nul) - start
  if (length > MAX_FIELD_BYTES) return 'too-long'
  return nul < 0 ? 'more' : { text: text(bytes.subarray(start, nul)), end: nul + 1 }
}
