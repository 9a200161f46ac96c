import net from 'node:net'
import path from 'node:path'
import { findHostname } from '../../names/hostname.ts'
import type { YamlEntry, YamlWalk } from '../../process/yaml.ts'

/** A listener: an address of this machine (`0.0.0.0`, `::` for all) and a port; 0 takes a free one. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:8443`, `[::1]:8443`, `localhost:8443`. */
export function readHostPort(walk: YamlWalk, entry: YamlEntry): HostPort | undefined {
  const text = walk.text(entry.value, entry.key)
  if (text === undefined) return undefined
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const isAddress = net.isIPv4(host) || (bare !== host && net.isIPv6(bare)) || host === 'localhost'
  if (isAddress && Number(port) <= 65_535) return { host: bare, port: Number(port) }
  const fix = 'write 0.0.0.0:443, 127.0.0.1:8443 or "[::1]:8443"'
  return walk.refuse(entry.value.at, `${entry.key} must be an address and a port`, { fix })
}

/** An https origin: what clients and connectors put before `/tunnel`. */
export function readOrigin(walk: YamlWalk, entry: YamlEntry): string | undefined {
  const text = walk.text(entry.value, entry.key)
  if (text === undefined) return undefined
  const url = URL.parse(text)
  const bare = text.endsWith('/') ? text.slice(0, -1) : text
  if (url?.protocol === 'https:' && isDialable(url.hostname) && url.origin === asOrigin(bare)) {
    return url.origin
  }
  const fix = 'write https://edge.example.com or https://203.0.113.7:8443'
  return walk.refuse(entry.value.at, `${entry.key} must be an https address, no more`, { fix })
}

/** `30d`, `12h`, `15m`, `10s`. In milliseconds. */
export const readDuration = (walk: YamlWalk, entry: YamlEntry): number | undefined =>
  readQuantity(walk, entry, DURATIONS, 'a time such as 30d, 12h, 15m or 10s')

/** `256MiB`, `1GiB`, `64KiB`. In bytes. */
export const readSize = (walk: YamlWalk, entry: YamlEntry): number | undefined =>
  readQuantity(walk, entry, SIZES, 'a size such as 64KiB, 256MiB or 1GiB')

/** A path, taken from the directory that `file` is in when it is not absolute. */
export function readPath(walk: YamlWalk, entry: YamlEntry, file: string): string | undefined {
  const text = walk.text(entry.value, entry.key)
  return text === undefined ? undefined : path.resolve(path.dirname(file), text)
}

const DURATIONS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

function readQuantity(
  walk: YamlWalk,
  entry: YamlEntry,
  units: Readonly<Record<string, number>>,
  shape: string,
): number | undefined {
  const text = walk.text(entry.value, entry.key)
  if (text === undefined) return undefined
  const [, count = '0', unit = ''] = /^([1-9]\d{0,5}) ?([A-Za-z]+)$/.exec(text) ?? []
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (size !== undefined) return Number(count) * size
  return walk.refuse(entry.value.at, `${entry.key} must be ${shape}`)
}

/** Capitals and the default port are forgiven, a path, a query or a user is not. */
const asOrigin = (text: string) => text.toLowerCase().replace(/:443$/, '')

function isDialable(host: string): boolean {
  if (host === '0.0.0.0' || host === '[::]') return false
  return net.isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || findHostname(host) !== undefined
}
