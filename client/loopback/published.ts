import type { Owned, Ownership } from '../../resolver/catalog.ts'

/** More ports of one name than this are not listened on: the proxy port and `run` reach them all. */
const MAX_PORTS_PER_NAME = 64

/** The TCP ports that a name publishes, or `too-many`. */
export function tcpPorts({ ports }: Pick<Owned, 'ports'>): readonly number[] | 'too-many' {
  const found = new Set<number>()
  for (const { from, to, protocol } of ports) {
    if (protocol !== 'tcp') continue
    if (to - from >= MAX_PORTS_PER_NAME) return 'too-many'
    for (let port = from; port <= to; port++) found.add(port)
  }
  return found.size > MAX_PORTS_PER_NAME ? 'too-many' : [...found]
}

/** Who publishes which port, by the patterns of the catalogue. */
export function appsByPort(owned: ReturnType<Ownership['owned']>): {
  readonly ports: ReadonlyMap<number, readonly string[]>
  readonly tooMany: readonly string[]
} {
  const ports = new Map<number, string[]>()
  const tooMany: string[] = []
  for (const { owned: entry } of owned) {
    const published = tcpPorts(entry)
    if (published === 'too-many') tooMany.push(entry.app)
    else for (const port of published) ports.set(port, [...(ports.get(port) ?? []), entry.app])
  }
  return { ports, tooMany }
}
