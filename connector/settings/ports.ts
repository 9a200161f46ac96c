import type { YamlNode, YamlWalk } from '../../process/yaml.ts'
import type { PortRange } from '../../tunnel/control.ts'

const MAX_RANGES = 32

/** `ports: [80, 5000-5010, 22/tcp]`, or one of these alone. Undefined where a problem was noted. */
export function readPorts(walk: YamlWalk, node: YamlNode): readonly PortRange[] | undefined {
  const items = walk.oneOrMore(node)
  if (items.length === 0) return walk.refuse(node.at, 'ports must not be empty', FIX)
  if (items.length > MAX_RANGES)
    return walk.refuse(node.at, `ports has ${MAX_RANGES} entries at most`)
  const ranges = items.map((item) => readRange(walk, item))
  if (!ranges.every((range) => range !== undefined)) return undefined
  const clash = ranges.findIndex((range, at) =>
    ranges.slice(0, at).some((one) => overlap(one, range)),
  )
  if (clash < 0) return ranges
  return walk.refuse(items[clash]?.at ?? node.at, 'this port is listed twice')
}

export const onePort = (port: number): PortRange => ({ from: port, to: port, protocol: 'tcp' })

export const overlap = (a: PortRange, b: PortRange) =>
  a.protocol === b.protocol && a.from <= b.to && b.from <= a.to

export const formatRange = ({ from, to }: PortRange) => (from === to ? `${from}` : `${from}-${to}`)

const FIX = { fix: 'write ports: [80] or ports: [80, 5000-5010]' }

function readRange(walk: YamlWalk, node: YamlNode): PortRange | undefined {
  const source = node.kind === 'scalar' ? node.source : ''
  const [, first, last = first, protocol = 'tcp'] =
    /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?(?:\/([a-z]+))?$/.exec(source) ?? []
  if (protocol === 'udp') {
    const message = 'UDP is not supported yet'
    return walk.refuse(node.at, message, { code: 'ERR_CONFIG_NOT_YET' })
  }
  const [from, to] = [Number(first), Number(last)]
  if (protocol !== 'tcp' || !(from <= to && to <= 65_535)) {
    return walk.refuse(node.at, 'a port is 1 to 65535, a range two of them, the smaller first', FIX)
  }
  return { from, to, protocol }
}
