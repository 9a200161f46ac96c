import { findHostname, type Hostname } from '../../names/hostname.ts'
import { formatPattern, readPattern } from '../../names/pattern.ts'
import type { PortRange } from '../control.ts'
import { type Fields, fields, list, oneOf, text, whole, wrong } from './shape.ts'

/** A list of at most 64 ports and ranges, as ANNOUNCE and CATALOG have it. */
export function ports(from: Fields, key: string): PortRange[] {
  return list(from, key, 64, portRange)
}

/** `{ port, protocol }` is short for a range of one. */
function portRange(item: unknown): PortRange {
  const range = fields(item, 'ports')
  const single = range.port !== undefined
  const from = whole(range, single ? 'port' : 'from', 1, 65535)
  const to = single ? from : whole(range, 'to', from, 65535)
  return { from, to, protocol: oneOf(range, 'protocol', ['tcp', 'udp']) }
}

/** A name pattern in its canonical spelling. */
export function pattern(from: Fields, key: string): string {
  const read = readPattern(text(from, key, 262))
  if (read.kind === 'not-a-pattern') throw wrong(key, 'a name pattern')
  return formatPattern(read.pattern)
}

export function hostname(from: Fields, key: string): Hostname {
  const name = findHostname(text(from, key, 254))
  if (name === undefined) throw wrong(key, 'a hostname')
  return name
}
