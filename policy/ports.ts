export type Protocol = 'tcp' | 'udp'

/** Both ends belong to the range; 1 to 65535. */
export interface PortRange {
  readonly protocol: Protocol
  readonly from: number
  readonly to: number
}

/** `all`: every port of TCP and of UDP. */
export const ALL_PORTS: readonly PortRange[] = [
  { protocol: 'tcp', from: 1, to: 65_535 },
  { protocol: 'udp', from: 1, to: 65_535 },
]

/**
 * Reads one member of `ports`: `443`, `8000-8999`, `udp/53`, `tcp/22`, `udp/5000-5999` or `all`.
 * A port without a protocol is of each of `bare` (TCP in an allow, TCP and UDP in a block).
 * `undefined` if the text is none of these.
 */
export function readPorts(text: string, bare: readonly Protocol[]): PortRange[] | undefined {
  if (text === 'all') return [...ALL_PORTS]
  const match = /^(?:(tcp|udp)\/)?(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!match) return undefined
  const [, protocol, first, last] = match
  const from = readPort(first)
  const to = last === undefined ? from : readPort(last)
  if (from === undefined || to === undefined || to < from) return undefined
  const protocols = protocol === undefined ? bare : [protocol as Protocol]
  return protocols.map((each) => ({ protocol: each, from, to }))
}

export function includesPort(
  ranges: readonly PortRange[],
  port: number,
  protocol: Protocol,
): boolean {
  for (const range of ranges) {
    if (port >= range.from && port <= range.to && protocol === range.protocol) return true
  }
  return false
}

/** `443, 8000-8999, udp/53`, or `all`. */
export function formatPorts(ranges: readonly PortRange[]): string {
  const isAll = ALL_PORTS.every((all) => ranges.some((range) => isSame(all, range)))
  return isAll ? 'all' : ranges.map(formatRange).join(', ')
}

/** A port as people write it: TCP goes without saying. */
export function formatPort(port: number, protocol: Protocol): string {
  return protocol === 'tcp' ? `${port}` : `${protocol}/${port}`
}

function readPort(digits: string | undefined): number | undefined {
  if (digits === undefined || digits.startsWith('0')) return undefined
  const port = Number(digits)
  return port <= 65_535 ? port : undefined
}

const formatRange = ({ protocol, from, to }: PortRange) =>
  from === to ? formatPort(from, protocol) : `${formatPort(from, protocol)}-${to}`

const isSame = (a: PortRange, b: PortRange) =>
  a.protocol === b.protocol && a.from === b.from && a.to === b.to
