import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { App, Target } from '../../connector/app.ts'
import { Dialler } from '../../connector/dial.ts'
import { type Network, systemNetwork, type Where } from '../../connector/network.ts'
import { parseHostname } from '../../names/hostname.ts'
import { realClock as clock, StandingClock, turn } from './clock.ts'

const name = parseHostname('wiki.corp.internal')
const never = new AbortController().signal

function appTo(to: Target): App {
  const pattern = { kind: 'host', base: name } as const
  return { pattern, to, written: undefined, ports: [], health: 'none' }
}

const asAsked = appTo({ kind: 'as-asked' })

/** Real sockets, own names. */
const named = (addresses: readonly string[]): Network => ({
  ...systemNetwork,
  lookup: async () => addresses,
})

let directory = ''
let origin: net.Server
let port = 0
before(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-dial-'))
  origin = net.createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end('hello')
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
})
after(() => {
  origin.close()
  rmSync(directory, { recursive: true, force: true })
})

async function read(socket: net.Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

test('an address that `to` names is dialled, loopback too, and the origin answers', async () => {
  const dialler = new Dialler({ network: systemNetwork, clock })
  const app = appTo({ kind: 'address', addresses: ['127.0.0.1', '::1'], port })
  const dialled = await dialler.dial({ app, name, port: 80 }, never)
  assert.ok(dialled.kind === 'connected')
  assert.equal(dialled.address, '127.0.0.1')
  assert.equal(dialled.resolveMicros, 0)
  assert.ok(dialled.connectMicros > 0)
  assert.equal(await read(dialled.socket), 'hello')
  assert.equal(dialler.activeCount, 0)
})

test('the port that was asked for is dialled where `to` has none', async () => {
  const dialler = new Dialler({ network: systemNetwork, clock })
  const app = appTo({ kind: 'address', addresses: ['127.0.0.1'], port: undefined })
  const dialled = await dialler.dial({ app, name, port }, never)
  assert.ok(dialled.kind === 'connected')
  dialled.socket.destroy()
})

test('a Unix socket is dialled, by a path relative to here when the whole one is too long', async () => {
  const deep = path.join(directory, 'd'.repeat(60), 'e'.repeat(60))
  const file = path.join(deep, 's')
  assert.ok(file.length > 107)
  mkdirSync(deep, { recursive: true })
  const here = process.cwd()
  process.chdir(deep)
  const server = net.createServer((socket) => socket.end('unix'))
  try {
    await new Promise<void>((resolve) => server.listen('s', resolve))
    const dialler = new Dialler({ network: systemNetwork, clock })
    const dialled = await dialler.dial(
      { app: appTo({ kind: 'unix', path: file }), name, port: 80 },
      never,
    )
    assert.ok(dialled.kind === 'connected')
    assert.equal(await read(dialled.socket), 'unix')
  } finally {
    process.chdir(here)
    server.close()
  }
  const gone = await new Dialler({ network: systemNetwork, clock }).dial(
    { app: appTo({ kind: 'unix', path: path.join(directory, 'none') }), name, port: 80 },
    never,
  )
  assert.equal(gone.kind === 'failed' && gone.code, 'origin-unreachable')
})

test('nobody listens: origin-refused, with no address in what the person reads', async () => {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const closed = (server.address() as net.AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
  const app = appTo({ kind: 'address', addresses: ['127.0.0.1'], port: closed })
  const dialled = await new Dialler({ network: systemNetwork, clock }).dial(
    { app, name, port: 1 },
    never,
  )
  assert.ok(dialled.kind === 'failed')
  assert.equal(dialled.code, 'origin-refused')
  assert.equal(dialled.reason.includes('127.0.0.1'), false)
  assert.match(dialled.detail, /127\.0\.0\.1: ECONNREFUSED/)
})

const LOOKUPS: [string, string][] = [
  ['ENOTFOUND', 'origin-no-such-name'],
  ['ENODATA', 'origin-no-such-name'],
  ['EAI_AGAIN', 'origin-dns-failed'],
  ['EAI_FAIL', 'origin-dns-failed'],
]
for (const [error, code] of LOOKUPS) {
  test(`a lookup that ends with ${error} is ${code}`, async () => {
    const network: Network = {
      ...systemNetwork,
      lookup: async () => Promise.reject(Object.assign(new Error('x'), { code: error })),
    }
    const dialled = await new Dialler({ network, clock }).dial({ app: asAsked, name, port }, never)
    assert.equal(dialled.kind === 'failed' && dialled.code, code)
  })
}

test('the system resolver says of a name that is none: origin-no-such-name or that it failed', async () => {
  const none = parseHostname('no-such-name.invalid')
  const dialled = await new Dialler({ network: systemNetwork, clock }).dial(
    { app: asAsked, name: none, port },
    never,
  )
  assert.ok(dialled.kind === 'failed')
  assert.ok(['origin-no-such-name', 'origin-dns-failed'].includes(dialled.code), dialled.code)
})

test('a lookup that never ends is origin-dns-failed after 5 s', async () => {
  const standing = new StandingClock()
  const network: Network = { ...systemNetwork, lookup: () => new Promise(() => undefined) }
  const dialling = new Dialler({ network, clock: standing }).dial(
    { app: asAsked, name, port },
    never,
  )
  await standing.pass(5000)
  const dialled = await dialling
  assert.equal(dialled.kind === 'failed' && dialled.code, 'origin-dns-failed')
})

test('flows that ask for one name at once share a lookup, and the next asks anew', async () => {
  let lookups = 0
  const network: Network = {
    ...systemNetwork,
    async lookup() {
      lookups++
      await turn()
      return []
    },
  }
  const dialler = new Dialler({ network, clock })
  const dials = Array.from({ length: 50 }, () => dialler.dial({ app: asAsked, name, port }, never))
  await Promise.all(dials)
  assert.equal(lookups, 1)
  await dialler.dial({ app: asAsked, name, port }, never)
  assert.equal(lookups, 2)
})

test('a vetoed address among good ones is left out, and the good ones are dialled', async () => {
  const tried: string[] = []
  const network: Network = {
    lookup: async () => ['169.254.169.254', '127.0.0.1', '10.1.1.1', '::1', '::ffff:10.1.1.2'],
    connect(where: Where) {
      tried.push(where.kind === 'tcp' ? where.address : where.path)
      return systemNetwork.connect({ kind: 'tcp', address: '127.0.0.1', port: 1 })
    },
  }
  const dialled = await new Dialler({ network, clock }).dial({ app: asAsked, name, port }, never)
  assert.equal(dialled.kind, 'failed')
  assert.deepEqual(tried, ['10.1.1.1', '10.1.1.2'])
})

test('a connection that led to another address than the one judged is closed', async () => {
  const sockets: net.Socket[] = []
  const network: Network = {
    lookup: async () => ['10.1.1.1'],
    connect() {
      const socket = systemNetwork.connect({ kind: 'tcp', address: '127.0.0.1', port })
      sockets.push(socket)
      return socket
    },
  }
  const dialled = await new Dialler({ network, clock }).dial({ app: asAsked, name, port }, never)
  assert.equal(dialled.kind === 'failed' && dialled.code, 'origin-forbidden')
  assert.deepEqual(
    sockets.map((socket) => socket.destroyed),
    [true],
  )
})

test('a socket of the real network looks nothing up, whatever it is given', async () => {
  const socket = systemNetwork.connect({ kind: 'tcp', address: 'localhost', port })
  const error = await new Promise<Error>((resolve) => socket.once('error', resolve))
  assert.match(error.message, /looked up after it was judged/)
})

test('OPEN and RESET, ten thousand times: no dial is left running and none is opened afterwards', async () => {
  let open = 0
  const silent: Network = {
    lookup: async () => ['10.1.1.1'],
    connect() {
      open++
      const socket = new net.Socket()
      socket.once('close', () => open--)
      return socket
    },
  }
  const dialler = new Dialler({
    network: silent,
    clock,
    bounds: { all: 64, each: 32, waiting: 128 },
  })
  const ends = new Map<string, number>()
  for (let at = 0; at < 10_000; at++) {
    const abort = new AbortController()
    void dialler.dial({ app: asAsked, name, port }, abort.signal).then((end) => {
      const code = end.kind === 'failed' ? end.code : end.kind
      ends.set(code, (ends.get(code) ?? 0) + 1)
    })
    if (at % 3 === 0) await turn()
    abort.abort()
    assert.ok(open <= 32 && dialler.waitingCount <= 128)
  }
  await turn()
  await turn()
  assert.deepEqual([open, dialler.activeCount, dialler.waitingCount], [0, 0, 0])
  assert.deepEqual([...ends.keys()], ['cancelled'])
})

test('dials beyond what may wait are over-budget, and the rest go on in turn', async () => {
  const dialler = new Dialler({
    network: named(['127.0.0.1']),
    clock,
    bounds: { all: 2, each: 2, waiting: 3 },
  })
  const app = appTo({ kind: 'address', addresses: ['127.0.0.1'], port })
  const dials = Array.from({ length: 8 }, () => dialler.dial({ app, name, port }, never))
  const ends = await Promise.all(dials)
  const codes = ends.map((end) => (end.kind === 'failed' ? end.code : end.kind))
  assert.equal(codes.filter((code) => code === 'connected').length, 5)
  assert.equal(codes.filter((code) => code === 'over-budget').length, 3)
  for (const end of ends) if (end.kind === 'connected') end.socket.destroy()
})
