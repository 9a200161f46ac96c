import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CertificateFiles } from './certificates.ts'
import type { OriginPorts } from './origin.ts'
import { nextPort, untilOpen } from './ports.ts'
import type { Way } from './way.ts'

export const HAPROXY = '/usr/sbin/haproxy'

/**
 * Three haproxy processes of one thread each, `mode tcp`, TLS 1.3 between them, one TLS connection a
 * flow. Debian 12's is built on OpenSSL 3.0, which has no post-quantum key agreement: X25519.
 */
export async function startHaproxyChain(
  directory: string,
  files: CertificateFiles,
  origins: OriginPorts,
  children: ChildProcess[],
): Promise<Way> {
  mkdirSync(directory, { recursive: true })
  const bulk = await hopsOf('bulk', files, origins.bulkPort)
  const web = await hopsOf('web', files, origins.webPort)
  for (const [at, one] of bulk.entries()) {
    const file = path.join(directory, `hop-${at}.cfg`)
    writeFileSync(file, configOf([one, ...web.slice(at, at + 1)]))
    children.push(spawn(HAPROXY, ['-db', '-f', file], { stdio: 'ignore' }))
  }
  await Promise.all(web.map(({ from }) => untilOpen(from)))
  const at = (from: number | undefined) => ({ host: '127.0.0.1', port: from ?? 0 })
  return { name: 'haproxy', bulk: at(bulk[0]?.from), web: at(web[0]?.from) }
}

async function hopsOf(name: string, files: CertificateFiles, origin: number): Promise<Listen[]> {
  const [client, edge, connector] = [await nextPort(), await nextPort(), await nextPort()]
  const accepts = `ssl crt ${files.pair} ssl-min-ver TLSv1.3`
  const dials = `ssl verify required ca-file ${files.authority} ssl-min-ver TLSv1.3`
  return [
    { name, from: client, to: edge, accepts: '', dials },
    { name, from: edge, to: connector, accepts, dials },
    { name, from: connector, to: origin, accepts, dials: '' },
  ]
}

interface Listen {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly accepts: string
  readonly dials: string
}

const configOf = (listens: readonly Listen[]) => `
global
  nbthread 1
  maxconn 8192
defaults
  mode tcp
  option redispatch
  timeout connect 10s
  timeout client 1h
  timeout server 1h
${listens.map(listenOf).join('')}`

const listenOf = ({ name, from, to, accepts, dials }: Listen) => `
listen ${name}
  bind 127.0.0.1:${from} ${accepts}
  server next 127.0.0.1:${to} ${dials}
`
