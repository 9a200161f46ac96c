import { encodeLabels, readName } from './name.ts'
import { TYPE } from './type.ts'

/**
 * A record's data with its names written out, so that it can leave the message it came in, or
 * `undefined` if it is not what its type says. Names are compressed in the types of RFC 1035 and
 * RFC 3597 §4 only; any other type's data is taken as it is.
 */
export function plainRdata(
  type: number,
  message: Uint8Array,
  start: number,
  length: number,
): Uint8Array | undefined {
  const end = start + length
  if (end > message.length) return undefined
  const parts: Uint8Array[] = []
  let at = start
  for (const field of LAYOUTS.get(type) ?? [REST]) {
    const read = readField(field, message, at, end)
    if (read === undefined) return undefined
    parts.push(read.bytes)
    at = read.end
  }
  return at === end ? Buffer.concat(parts) : undefined
}

/** Whether `data` is well formed for its type and free of compression pointers. */
export function isPlainRdata(type: number, data: Uint8Array): boolean {
  const plain = plainRdata(type, data, 0, data.length)
  return plain !== undefined && Buffer.compare(plain, data) === 0
}

/** A number is that many octets; STRING one character-string, STRINGS one or more. */
type Field = number | typeof NAME | typeof STRING | typeof STRINGS | typeof REST
const NAME = 'name'
const STRING = 'string'
const STRINGS = 'strings'
const REST = 'rest'

const LAYOUTS = new Map<number, readonly Field[]>([
  [TYPE.A, [4]],
  [TYPE.AAAA, [16]],
  [TYPE.NS, [NAME]],
  [TYPE.CNAME, [NAME]],
  [TYPE.DNAME, [NAME]],
  [TYPE.PTR, [NAME]],
  [TYPE.MB, [NAME]],
  [TYPE.MG, [NAME]],
  [TYPE.MR, [NAME]],
  [TYPE.SOA, [NAME, NAME, 20]],
  [TYPE.MINFO, [NAME, NAME]],
  [TYPE.RP, [NAME, NAME]],
  [TYPE.MX, [2, NAME]],
  [TYPE.AFSDB, [2, NAME]],
  [TYPE.RT, [2, NAME]],
  [TYPE.KX, [2, NAME]],
  [TYPE.PX, [2, NAME, NAME]],
  [TYPE.SRV, [6, NAME]],
  [TYPE.NAPTR, [4, STRING, STRING, STRING, NAME]],
  [TYPE.HINFO, [STRING, STRING]],
  [TYPE.TXT, [STRINGS]],
  [TYPE.SPF, [STRINGS]],
])

interface FieldRead {
  readonly bytes: Uint8Array
  readonly end: number
}

function readField(
  field: Field,
  message: Uint8Array,
  at: number,
  end: number,
): FieldRead | undefined {
  if (field === NAME) return readPlainName(message, at, end)
  const size = sizeOf(field, message, at, end)
  if (size < 0 || at + size > end) return undefined
  return { bytes: message.subarray(at, at + size), end: at + size }
}

function readPlainName(message: Uint8Array, at: number, end: number): FieldRead | undefined {
  const name = readName(message, at)
  if (name === undefined || name.end > end) return undefined
  return { bytes: encodeLabels(name.labels), end: name.end }
}

function sizeOf(field: Exclude<Field, 'name'>, message: Uint8Array, at: number, end: number) {
  switch (field) {
    case STRING:
      return at < end ? 1 + (message[at] ?? 0) : -1
    case STRINGS:
      return stringsSize(message, at, end)
    case REST:
      return end - at
    default:
      return field
  }
}

function stringsSize(message: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) at += 1 + (message[at] ?? 0)
  return at > start ? at - start : -1
}
