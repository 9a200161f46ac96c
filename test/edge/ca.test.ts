import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import tls from 'node:tls'
import { loadCertificates } from '../../edge/ca.ts'
import { spkiPin } from '../../identity/pin.ts'

const NAMES = ['edge.example.com', '127.0.0.1', '::1']
const DAY_MS = 86_400_000

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'byname-ca-'))
})
afterEach(() => rm(directory, { recursive: true }))

const load = (now = Date.now(), names = NAMES, edgeName = 'edge') =>
  loadCertificates({ directory, edgeName, names, now })

test('a client that trusts only the CA connects under every name', async () => {
  const { caPem, tls: pair } = await load()
  const server = tls.createServer(pair, (socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  for (const servername of ['edge.example.com', undefined]) {
    const options = { ...(servername ? { servername } : {}), ca: caPem, minVersion: 'TLSv1.3' }
    const socket = tls.connect({ host: '127.0.0.1', port, ...options } as tls.ConnectionOptions)
    await once(socket, 'secureConnect')
    assert.equal(socket.authorized, true)
    socket.destroy()
  }
  server.close()
})

test('the chain that the server sends leads to the pinned CA', async () => {
  const { caPem, caPin, tls: pair } = await load()
  const blocks = pair.cert.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []
  const [leaf, ca] = blocks.map((pem) => new X509Certificate(pem))
  assert.ok(leaf && ca)
  assert.equal(spkiPin(ca), caPin)
  assert.equal(ca.toString().trim(), caPem.trim())
  assert.ok(leaf.verify(ca.publicKey))
})

test('a second start gives the same authority and leaf', async () => {
  assert.deepEqual(await load(), await load())
})

test('edges that start at once on one directory have one authority and a leaf each', async () => {
  const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => load(Date.now(), NAMES, name)))
  assert.equal(new Set(all.map(({ caPem }) => caPem)).size, 1)
  assert.equal(new Set(all.map(({ tls: pair }) => pair.cert)).size, 4)
})

test('the leaf is made anew in its last third and when a name is added, the authority stays', async () => {
  const first = await load()
  assert.equal((await load(first.renewAt - 1)).tls.cert, first.tls.cert)
  const renewed = await load(first.renewAt + 1)
  assert.notEqual(renewed.tls.cert, first.tls.cert)
  assert.equal(renewed.caPem, first.caPem)
  const named = await load(Date.now() + 61 * DAY_MS, [...NAMES, 'other.example.com'])
  assert.equal(
    new X509Certificate(named.tls.cert).checkHost('other.example.com'),
    'other.example.com',
  )
})

test('the leaf is no authority and the authority signs no other authority', async () => {
  const { caPem, tls: pair } = await load()
  assert.equal(new X509Certificate(pair.cert).ca, false)
  assert.equal(new X509Certificate(caPem).ca, true)
})

test('keys are for their owner only', async () => {
  await load()
  for (const file of ['ca.pem', 'tls-edge.pem']) {
    assert.equal((await stat(path.join(directory, file))).mode & 0o777, 0o600)
  }
})

test('a damaged authority is said and not replaced in silence', async () => {
  await load()
  const file = path.join(directory, 'ca.pem')
  const whole = await readFile(file, 'utf8')
  await writeFile(file, whole.slice(0, 100))
  await chmod(file, 0o600)
  await assert.rejects(load(), /ca\.pem is damaged/)
})
