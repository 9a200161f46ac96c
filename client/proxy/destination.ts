import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { type Hostname, readHostname } from '../../names/hostname.ts'

/** Where a proxy request wants to go, as it was written: a name, or an address in its one spelling. */
export type Destination =
  | { readonly kind: 'name'; readonly name: Hostname; readonly port: number }
  | { readonly kind: 'address'; readonly address: string; readonly port: number }

export type DestinationRead = Destination | { readonly kind: 'bad'; readonly reason: string }

/**
 * Reads a host (SOCKS name, or the host of an authority; IPv6 with or without brackets) and a port.
 * An address counts only as four plain decimals or as IPv6 without a zone: `0x7f.1`, `127.1` and
 * `2130706433` mean different things to different programs, so they mean nothing here.
 */
export function readDestination(host: string, port: number): DestinationRead {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return bad('a port is 1 to 65535')
  const address = readAddress(host)
  if (address !== undefined) return { kind: 'address', address, port }
  const read = readHostname(host)
  if (read.kind === 'hostname') return { kind: 'name', name: read.hostname, port }
  return bad(`not a hostname (${read.code})`)
}

/** `host:port`, `[v6]:port`; the port may be left out only where a default is given. */
export function readAuthority(authority: string, defaultPort?: number): DestinationRead {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(authority)
  const host = match?.[1]
  const port = match?.[2] === undefined ? defaultPort : Number(match[2])
  if (!host) return bad('not a host and a port')
  if (port === undefined) return bad('the port is missing')
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1))) return bad('not an IPv6 address')
  return readDestination(host, port)
}

/** `host:port`, with brackets around IPv6. */
export function formatDestination(to: Destination): string {
  if (to.kind === 'name') return `${to.name}:${to.port}`
  return to.address.includes(':') ? `[${to.address}]:${to.port}` : `${to.address}:${to.port}`
}

/** One spelling for each address: IPv4-mapped IPv6 is the IPv4 address that it reaches. */
function readAddress(host: string): string | undefined {
  if (isIPv4(host)) return host
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host
  if (!isIPv6(bare) || bare.includes('%')) return undefined
  return ipaddr.process(bare).toString()
}

const bad = (reason: string): DestinationRead => ({ kind: 'bad', reason })
