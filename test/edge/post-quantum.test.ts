import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { loadCertificates } from '../../edge/ca.ts'
import type { EdgeStatus } from '../../edge/control/status.ts'
import { Handshakes } from '../../edge/door/handshakes.ts'
import { openDoor } from '../../edge/door/listen.ts'
import { silentLog } from '../../process/log.ts'
import { POST_QUANTUM_ONLY } from '../../tunnel/link.ts'
import { ALICE_READS, startHouse } from './house/house.ts'
import { WholeEdge } from './house/whole.ts'

const REQUIRED = 'tls: { require-post-quantum: true }\n'

function handshake({ url, caPem: ca }: { url: string; caPem: string }, ecdhCurve: string) {
  const { hostname: host, port } = new URL(url)
  return tls.connect({ host, port: Number(port), ca, ecdhCurve, minVersion: 'TLSv1.3' })
}

test('an edge that requires post-quantum refuses all else in the handshake, and says so once', async (t) => {
  const edge = await WholeEdge.start(t, ALICE_READS, REQUIRED)
  for (const groups of ['X25519', 'prime256v1:X25519']) {
    const [error] = await once(handshake(edge.ready, groups), 'error')
    assert.match(error.code, /HANDSHAKE_FAILURE/, groups)
  }
  const told = edge.stderr.split('\n').filter((line) => line.includes('ERR_PEER_KEY_AGREEMENT'))
  assert.equal(told.length, 1)
  const [line = ''] = told
  assert.match(line, /"event":"peer-refused".*"from":"127.0.0.1"/)

  const alice = await (await edge.signIn('alice@example.com')).dial()
  assert.equal(alice.ready.keyAgreement, POST_QUANTUM_ONLY)
  const status = await edge.call<EdgeStatus>('status')
  assert.equal(status.requiresPostQuantum, true)
  const agreed = [{ kind: 'client', agreed: POST_QUANTUM_ONLY, tunnels: 1 }]
  assert.deepEqual(status.keyAgreementsReported, agreed)
})

test('a peer that offers its groups in another order is asked again, not refused', async (t) => {
  const edge = await WholeEdge.start(t, ALICE_READS, REQUIRED)
  const socket = handshake(edge.ready, `X25519:${POST_QUANTUM_ONLY}`)
  await once(socket, 'secureConnect')
  socket.destroy()
})

test('an edge that does not require it takes others; status and records name what each end reports', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial({ keyAgreements: 'X25519' })
  await alice.knows('wiki.corp.internal')
  await alice.open('wiki.corp.internal').answered()
  assert.deepEqual(house.board.tunnels.agreements(), [
    { kind: 'connector', agreed: POST_QUANTUM_ONLY, tunnels: 1 },
    { kind: 'client', agreed: 'X25519', tunnels: 1 },
  ])
  const [row] = await house.records()
  assert.deepEqual(row?.keyAgreementReported, { client: 'X25519', connector: POST_QUANTUM_ONLY })
})

test('a renewed certificate loosens nothing', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-door-'))
  t.after(() => rm(directory, { recursive: true, maxRetries: 5, retryDelay: 20 }))
  const needs = { directory, edgeName: 'edge', names: ['127.0.0.1'], now: Date.now() }
  const { tls: shown, caPem } = await loadCertificates(needs)
  const bounds = { connections: 10, unproven: 10, unprovenPerAddress: 10, requirePostQuantum: true }
  const listen = { host: '127.0.0.1', port: 0 }
  const door = await openDoor({ listen, tls: shown, ...bounds, log: silentLog })
  t.after(() => door.close())
  door.renew(shown)
  const at = { url: `https://127.0.0.1:${door.port}`, caPem }
  const [error] = await once(handshake(at, 'X25519'), 'error')
  assert.match(error.code, /HANDSHAKE_FAILURE/)
  const socket = handshake(at, POST_QUANTUM_ONLY)
  await once(socket, 'secureConnect')
  socket.destroy()
})

test('peers that fail over key agreement are counted and told of once a minute', () => {
  const told: unknown[] = []
  const log = { ...silentLog, warn: ({ peers }: { peers: number }) => void told.push(peers) }
  let now = 0
  const handshakes = new Handshakes(log as never, () => now)
  const fail = (code: string) =>
    handshakes.failed(Object.assign(new Error(), { code }), '192.0.2.1')
  for (let at = 0; at < 100; at++) fail('ERR_SSL_NO_SUITABLE_KEY_SHARE')
  fail('ECONNRESET')
  assert.deepEqual(told, [1])
  now = 60_000
  fail('ERR_SSL_NO_SUITABLE_KEY_SHARE')
  assert.deepEqual(told, [1, 100])
})
