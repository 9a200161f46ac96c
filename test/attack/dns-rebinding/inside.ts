/**
 * Runs in a network and mount namespace of its own, where it is the authoritative DNS server, the
 * origin that the name leads to at first, and the victims that it leads to later. Prints what the
 * connector's dials came to and how many connections each victim saw.
 */
import { execFileSync } from 'node:child_process'
import dgram from 'node:dgram'
import { mkdtempSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import dnsPacket from 'dns-packet'
import type { App } from '../../../connector/app.ts'
import { Dialler } from '../../../connector/dial.ts'
import { systemNetwork } from '../../../connector/network.ts'
import { parseHostname } from '../../../names/hostname.ts'
import { realClock } from '../../connector/clock.ts'

const PUBLIC = '203.0.113.7'
const VICTIMS = ['127.0.0.1', '169.254.169.254', '::1', '100.100.100.200']
const PORT = 8080

const run = (program: string, ...args: string[]) => execFileSync(program, args)
run('ip', 'link', 'set', 'lo', 'up')
for (const address of [PUBLIC, '169.254.169.254', '100.100.100.200'])
  run('ip', 'addr', 'add', `${address}/32`, 'dev', 'lo')
const scratch = mkdtempSync(path.join(tmpdir(), 'byname-rebinding-'))
const resolvConf = path.join(scratch, 'resolv.conf')
writeFileSync(resolvConf, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
run('mount', '--bind', resolvConf, '/etc/resolv.conf')

const seen: Record<string, number> = {}
for (const address of [PUBLIC, ...VICTIMS]) {
  const server = net.createServer((socket) => {
    seen[address] = (seen[address] ?? 0) + 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(PORT, address, resolve))
}

/** By the first label: what the name leads to at its first, second… lookup. */
const ANSWERS: Record<string, string[][]> = {
  rebinds: [[PUBLIC], ['127.0.0.1'], ['169.254.169.254'], ['::1'], ['::ffff:127.0.0.1']],
  both: [
    [PUBLIC, '127.0.0.1'],
    ['127.0.0.1', PUBLIC],
  ],
  straight: [['127.0.0.1'], ['100.100.100.200'], ['64:ff9b::7f00:1', '::ffff:169.254.169.254']],
}
let turn = 0
let answers: string[] = []
const dns = dgram.createSocket('udp4')
dns.on('message', (bytes, from) => {
  const { id, questions } = dnsPacket.decode(bytes)
  const [question] = questions ?? []
  const type = question?.type === 'AAAA' ? 'AAAA' : 'A'
  const data = answers.filter((address) => address.includes(':') === (type === 'AAAA'))
  const records = data.map(
    (one) => ({ type, name: question?.name ?? '', ttl: 0, data: one }) as const,
  )
  const reply = dnsPacket.encode({
    type: 'response',
    id: id ?? 0,
    flags: 0x480,
    questions: questions ?? [],
    answers: records,
  })
  dns.send(reply, from.port, from.address)
})
await new Promise<void>((resolve) => dns.bind(53, '127.0.0.1', resolve))

const dialler = new Dialler({ network: systemNetwork, clock: realClock })
const outcomes: Record<string, string[]> = {}
for (const [label, sequence] of Object.entries(ANSWERS)) {
  const name = parseHostname(`${label}.evil.example`)
  const pattern = { kind: 'host', base: name } as const
  const app: App = {
    pattern,
    to: { kind: 'as-asked' },
    written: undefined,
    ports: [],
    health: 'none',
  }
  for (turn = 0; turn < sequence.length; turn++) {
    answers = sequence[turn] ?? []
    const dialled = await dialler.dial({ app, name, port: PORT }, new AbortController().signal)
    if (dialled.kind === 'connected') dialled.socket.destroy()
    const end = dialled.kind === 'connected' ? dialled.address : dialled.code
    outcomes[label] = [...(outcomes[label] ?? []), end]
  }
}
// Shows that the victims can be reached: a test that could not fail would prove nothing.
const direct = await Promise.all(
  VICTIMS.map(
    (host) =>
      new Promise((resolve) =>
        net.connect({ host, port: PORT }).once('connect', () => resolve(host)),
      ),
  ),
)
process.stdout.write(JSON.stringify({ outcomes, seen, direct }))
process.exit(0)
