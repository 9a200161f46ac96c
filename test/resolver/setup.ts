import { execFile, spawnSync } from 'node:child_process'
import { createSocket, type RemoteInfo } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { decode, encode, type Packet } from 'dns-packet'
import { type Catalog, type CatalogEntry, Ownership } from '../../resolver/catalog.ts'
import { candidateRanges, type RangePair } from '../../resolver/choice.ts'
import { FrameReader, frame } from '../../resolver/dns/frames.ts'
import { typeNumber } from '../../resolver/dns/type.ts'
import { openLeaseMemory } from '../../resolver/lease-file.ts'
import { Leases } from '../../resolver/leases.ts'
import { bindResolver, type ServeLimits, serveResolver } from '../../resolver/listen.ts'
import { makeResolver, type Resolver, type ResolverOptions } from '../../resolver/resolver.ts'

export const NOON = Date.UTC(2026, 10, 25, 12)
const WEB = [{ from: 80, to: 80, protocol: 'tcp' }] as const

/** One zone with a listed app, a deeper one, a wildcard app, an unlisted name and a public name. */
export const CATALOG: Catalog = {
  zones: ['corp.internal'],
  entries: [
    owned('wiki.corp.internal'),
    owned('git.dev.corp.internal'),
    owned('*.ci.corp.internal'),
    { pattern: 'secret.ci.corp.internal', owned: false, ports: [] },
    { pattern: 'deep.hidden.corp.internal', owned: false, ports: [] },
    owned('domain:bank.example'),
  ],
}

export function owned(pattern: string): CatalogEntry {
  return { pattern, owned: true, ports: WEB }
}

export const firstRange = (): RangePair => rangeAt(0)

function rangeAt(at: number): RangePair {
  const range = candidateRanges(Uint8Array.of(0xab, 0xcd, 1, 2, 3, 4, 5))[at]
  if (!range) throw new Error('no such candidate')
  return range
}

export interface Setup {
  readonly resolver: Resolver
  readonly ownership: Ownership
  readonly leases: Leases
  readonly clock: { now: number }
  /** What the connector was asked, as `TYPE name`. */
  readonly asked: string[]
}

export function setUp(options: Partial<ResolverOptions> = {}): Setup {
  const asked: string[] = []
  const ownership = new Ownership({ kept: CATALOG })
  const leases = new Leases(openLeaseMemory(), firstRange())
  const clock = { now: NOON }
  const resolver = makeResolver({
    ownership,
    leases,
    clock: () => clock.now,
    onFault: (error) => {
      throw error
    },
    ...options,
    askConnector: (name, type) => {
      asked.push(`${type} ${name}`)
      return (
        options.askConnector?.(name, type) ?? Promise.resolve({ kind: 'exists', ttlSeconds: 60 })
      )
    },
  })
  return { resolver, ownership, leases, clock, asked }
}

/** A running resolver on loopback; closed when the test ends. */
export async function serve(t: TestContext, resolver: Resolver, limits: Partial<ServeLimits> = {}) {
  const { udp, tcp, port } = await bindResolver('127.0.0.1', 0)
  const service = serveResolver(resolver, limits)
  service.addUdp(udp)
  service.addServer(tcp)
  t.after(() => service.close())
  return { port, service }
}

export interface AskOptions {
  readonly id?: number
  readonly edns?: boolean
  readonly dnssecOk?: boolean
}

export function queryFor(name: string, type: string, options: AskOptions = {}): Buffer {
  const { id = 4711, edns = false, dnssecOk = false } = options
  const flags = dnssecOk ? 0x8000 : 0
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags, options: [] }
  const query = encode({
    type: 'query',
    id,
    flags: 0x100,
    questions: [{ type: 'A', name }],
    additionals: edns ? [opt as never] : [],
  })
  // Not every type has a name in dns-packet.
  query.writeUInt16BE(typeNumber(type) ?? 0, questionEnd(query) - 4)
  return query
}

/** Asks without a network, as over UDP. */
export async function ask(resolver: Resolver, name: string, type: string, options?: AskOptions) {
  const answer = await resolver.answer(queryFor(name, type, options), 'udp')
  if (answer === undefined) throw new Error('silence')
  return read(answer)
}

export interface Read {
  readonly rcode: string
  readonly truncated: boolean
  /** `TYPE data` of each answer. */
  readonly answers: string[]
  readonly packet: Packet & { rcode?: string; flag_tc?: boolean; flag_ad?: boolean }
  /** Code and text of the extended error, if any. */
  readonly ede: string | undefined
}

export function read(bytes: Uint8Array): Read {
  const packet = decode(Buffer.from(bytes)) as Read['packet']
  const answers = (packet.answers ?? []).map((one) => `${one.type} ${textOf(one)}`)
  return {
    rcode: packet.rcode ?? 'NOERROR',
    truncated: packet.flag_tc ?? false,
    answers,
    packet,
    ede: edeOf(packet),
  }
}

function textOf(record: object): string {
  const data = 'data' in record ? record.data : undefined
  return typeof data === 'string' ? data : JSON.stringify(data)
}

function edeOf(packet: Packet): string | undefined {
  for (const record of packet.additionals ?? []) {
    if (record.type !== 'OPT') continue
    for (const option of record.options) {
      const { code, data } = option as { code: number; data?: Buffer }
      if (code === 15 && data) return `${data.readUInt16BE(0)} ${data.subarray(2).toString()}`
    }
  }
  return undefined
}

/** Why a test that drives `dig` cannot run here, if so. */
export const NO_DIG = spawnSync('dig', ['-v']).error ? 'dig (Debian: dnsutils) is missing' : false

/** Runs `dig` against a port of loopback; its whole output, without retries of its own. */
export function dig(port: number, ...args: string[]): Promise<string> {
  const all = ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=3', ...args]
  return new Promise((resolve) => {
    execFile('dig', all, (_error, stdout) => resolve(stdout))
  })
}

export type DnsHandler = (query: Buffer, via: 'udp' | 'tcp') => readonly Uint8Array[]

export interface DnsServer {
  readonly port: number
  /** Every query, in order. */
  readonly queries: { readonly bytes: Buffer; readonly via: 'udp' | 'tcp' }[]
  /** From the server's own address and port, to whoever asked last over UDP. */
  send(bytes: Uint8Array): void
  readonly lastAsker: () => RemoteInfo | undefined
}

/** A DNS server of the test's own, UDP and TCP on one port of loopback. */
export async function startDns(t: TestContext, handler: DnsHandler): Promise<DnsServer> {
  const queries: DnsServer['queries'][number][] = []
  const answer = (bytes: Buffer, via: 'udp' | 'tcp') => {
    queries.push({ bytes, via })
    return handler(bytes, via)
  }
  const tcp = createServer((socket) => converse(socket, (bytes) => answer(bytes, 'tcp')))
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done))
  const port = (tcp.address() as { port: number }).port
  const udp = createSocket('udp4')
  let last: RemoteInfo | undefined
  udp.on('message', (bytes, from) => {
    last = from
    for (const reply of answer(bytes, 'udp')) udp.send(reply, from.port, from.address)
  })
  await new Promise<void>((done) => udp.bind(port, '127.0.0.1', done))
  t.after(() => {
    udp.close()
    tcp.close()
  })
  const send = (bytes: Uint8Array) => {
    if (last) udp.send(bytes, last.port, last.address)
  }
  return { port, queries, send, lastAsker: () => last }
}

function converse(socket: Socket, answer: (bytes: Buffer) => readonly Uint8Array[]): void {
  const reader = new FrameReader(65535)
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    for (const bytes of reader.push(chunk) ?? []) {
      for (const reply of answer(Buffer.from(bytes))) socket.write(frame(reply))
    }
  })
}

/** The query turned into an answer: same id and question octets, these records appended. */
export function replyTo(
  query: Buffer,
  answers: readonly object[],
  more: Partial<Packet> = {},
): Buffer {
  const { id, questions } = decode(query)
  const reply = encode({
    type: 'response',
    id: id ?? 0,
    flags: 0x180,
    questions: questions ?? [],
    answers: answers as never,
    ...more,
  })
  // dns-packet keeps the case of letters as well, but let nothing hang on that.
  const end = questionEnd(query)
  query.copy(reply, 12, 12, end)
  return reply
}

export function questionEnd(query: Buffer): number {
  let at = 12
  while (query[at]) at += (query[at] ?? 0) + 1
  return at + 5
}
