import net from 'node:net'
import path from 'node:path'
import { findHostname, type Hostname } from '../../names/hostname.ts'
import { shortSocketPath } from '../../process/socket-path.ts'
import type { Target } from '../app.ts'

/** What a `to` says: where flows go, and the ports that it stands for when `ports:` is left out. */
export type TargetRead =
  | { readonly kind: 'target'; readonly target: Target; readonly ports: readonly number[] }
  | { readonly kind: 'wrong'; readonly why: string; readonly fix: string }

/**
 * Reads a `to`:
 *
 *     wiki.lan · 10.0.0.5          another name or address, the port as asked
 *     db.lan:5433 · [fd00::5]:22   that port, which is also the default of `ports:`
 *     tcp://db.lan:5433            the same
 *     http://localhost:8080        that port; published on it and on the scheme's own (80, 443)
 *     unix:run/app.sock            a socket, from the directory of the settings file
 */
export function readTarget(text: string, directory: string): TargetRead {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? []
  if (scheme === undefined && text.startsWith('unix:')) return readUnix(text.slice(5), directory)
  switch (scheme?.toLowerCase()) {
    case undefined:
      return readHostPort(text, undefined)
    case 'unix':
      return readUnix(rest, directory)
    case 'tcp':
      return readTcp(rest)
    case 'http':
      return readWeb(rest, 80)
    case 'https':
      return readWeb(rest, 443)
    default:
      return wrong(`${scheme}:// is not carried`, `write tcp://${rest}: byname carries bytes`)
  }
}

const wrong = (why: string, fix: string): TargetRead => ({ kind: 'wrong', why, fix })

function readUnix(file: string, directory: string): TargetRead {
  if (file === '') return wrong('unix: needs a path', 'write unix:/run/app.sock')
  const whole = path.resolve(directory, file)
  if (shortSocketPath(whole) === undefined) {
    return wrong('the path is too long for a Unix socket', 'use one of at most 107 bytes')
  }
  return { kind: 'target', target: { kind: 'unix', path: whole }, ports: [] }
}

function readTcp(rest: string): TargetRead {
  const read = readHostPort(rest, undefined)
  if (read.kind === 'wrong' || read.ports.length > 0) return read
  return wrong('tcp:// needs a port', `write tcp://${rest}:5432`)
}

/** An http(s) URL names an origin only: paths and users belong to the program's own request. */
function readWeb(rest: string, standardPort: number): TargetRead {
  const authority = rest.replace(/\/$/, '')
  if (/[/?#@\\]/.test(authority)) {
    return wrong('a path, query or user means nothing here', 'write only http://HOST:PORT')
  }
  const read = readHostPort(authority, standardPort)
  if (read.kind === 'wrong') return read
  return { ...read, ports: [...new Set([standardPort, ...read.ports])] }
}

function readHostPort(text: string, standardPort: number | undefined): TargetRead {
  const [host, digits] = splitPort(text)
  const port = digits === undefined ? standardPort : Number(digits)
  if (port !== undefined && !(port >= 1 && port <= 65_535)) {
    return wrong(`${digits} is not a port`, 'ports are 1 to 65535')
  }
  const target = readHost(host, port)
  if (target) return { kind: 'target', target, ports: port === undefined ? [] : [port] }
  return wrong(
    `${JSON.stringify(host.slice(0, 100))} is neither a name nor an address`,
    'write wiki.lan, wiki.lan:8080, 10.0.0.5:8080, "[fd00::5]:8080" or unix:PATH',
  )
}

/** A bare IPv6 address has colons of its own: with a port it needs its brackets. */
function splitPort(text: string): [host: string, digits: string | undefined] {
  if (net.isIPv6(text)) return [text, undefined]
  const [, bracketed, plain, digits] = /^(?:\[(.*)\]|([^:]*))(?::(\d{1,6}))?$/.exec(text) ?? []
  if (bracketed !== undefined) return [net.isIPv6(bracketed) ? bracketed : `[${bracketed}]`, digits]
  return [plain ?? text, digits]
}

function readHost(host: string, port: number | undefined): Target | undefined {
  if (net.isIP(host) !== 0) return { kind: 'address', addresses: [host], port }
  const name = findHostname(host)
  if (!name) return undefined
  if (isLocalhost(name)) return { kind: 'address', addresses: ['127.0.0.1', '::1'], port }
  return { kind: 'name', name, port }
}

/** RFC 6761 §6.3: these names are loopback wherever they are asked, so whoever writes one means it. */
const isLocalhost = (name: Hostname) => name === 'localhost' || name.endsWith('.localhost')
