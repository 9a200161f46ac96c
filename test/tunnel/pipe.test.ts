import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net, { type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingOpen } from '../../tunnel/endpoint.ts'
import type { FlowEnd } from '../../tunnel/flow.ts'
import { pipeSocket } from '../../tunnel/pipe.ts'
import { pattern } from './doubles.ts'
import { openRealWay } from './way.ts'

test('bytes and ends go both ways through sockets, tunnels and the edge', async (t) => {
  const { program, origin, done } = await joinSockets(t)
  program.end(pattern(3_000_000))
  const atOrigin = await readAll(origin)
  assert.ok(atOrigin.equals(pattern(3_000_000)))
  assert.equal(program.readableEnded, false, 'half-open')
  origin.end(pattern(1_000_000, 5))
  assert.ok((await readAll(program)).equals(pattern(1_000_000, 5)))
  assert.deepEqual(await done, ['done', 'done'])
})

test('the origin ends first, and still reads', async (t) => {
  const { program, origin } = await joinSockets(t)
  origin.end('bye')
  assert.equal(String(await readAll(program)), 'bye')
  program.end(pattern(500_000))
  assert.ok((await readAll(origin)).equals(pattern(500_000)))
})

test('a reset of the program resets the origin', async (t) => {
  const { program, origin, done } = await joinSockets(t)
  program.write('x')
  await once(origin, 'data')
  program.resetAndDestroy()
  const [error] = await once(origin, 'error')
  assert.equal((error as { code: string }).code, 'ECONNRESET')
  assert.deepEqual(await done, ['cancelled', 'cancelled'])
})

test('a reset of the origin resets the program, and says so', async (t) => {
  const { program, origin, done } = await joinSockets(t)
  program.write('x')
  await once(origin, 'data')
  origin.resetAndDestroy()
  const [error] = await once(program, 'error')
  assert.equal((error as { code: string }).code, 'ECONNRESET')
  assert.deepEqual(await done, ['origin-reset', 'origin-reset'])
})

test('a program that closes while the origin still sends ends the flow', async (t) => {
  const { program, origin, done } = await joinSockets(t)
  const flood = setInterval(() => origin.write(pattern(65_536)), 5)
  t.after(() => clearInterval(flood))
  await once(program, 'data')
  program.destroy()
  assert.deepEqual(await done, ['cancelled', 'cancelled'])
})

test('an origin that does not read holds the program within the windows', async (t) => {
  const { program, origin } = await joinSockets(t)
  origin.pause()
  let written = 0
  const pump = () => {
    while (program.write(pattern(65_536)) && written < 400_000_000) written += 65_536
  }
  program.on('drain', pump)
  pump()
  let before = -1
  for (let i = 0; i < 50 && before !== written; i++) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(written < 40_000_000, `${written} bytes went nowhere`)
  program.removeAllListeners('drain')
  program.end()
  origin.resume()
  let arrived = 0
  origin.on('data', (chunk) => {
    arrived += chunk.length
  })
  await once(origin, 'end')
  assert.equal(arrived, program.bytesWritten)
})

test('a cut flow resets a program that reads nothing, at once', async (t) => {
  const { program, origin, way, done } = await joinSockets(t)
  program.pause()
  origin.on('drain', () => origin.write(pattern(1 << 20)))
  for (let i = 0; i < 20; i++) origin.write(pattern(1 << 20))
  await sleep(300)
  const [flow] = way.tunnels[1]?.flows ?? []
  flow?.reset('policy-changed', 'no rule allows it any more')
  const cutAt = Date.now()
  assert.deepEqual(await done, ['policy-changed', 'policy-changed'])
  program.resume()
  await once(program, 'error')
  assert.ok(Date.now() - cutAt < 1000)
})

test('a cut flow closes a Unix socket, which knows no reset', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'byname-pipe-'))
  t.after(() => rm(folder, { recursive: true }))
  const { program, way, done } = await joinSockets(t, path.join(folder, 'origin.sock'))
  const [flow] = way.tunnels[1]?.flows ?? []
  flow?.reset('policy-changed', '')
  await once(program, 'error')
  assert.deepEqual(await done, ['policy-changed', 'policy-changed'])
  assert.equal(way.connector.flowCount, 0)
  assert.equal(way.connector.isOpen, true, 'the tunnel goes on')
})

test('what many programs write at once is kept apart until it is acknowledged', async (t) => {
  const kept = new Map<string, Uint8Array[]>()
  const listener = await listen(t)
  listener.on('connection', (socket) => {
    const flow = { id: '', bytesSent: 0, bytesReceived: 0, end() {}, reset() {}, consumed() {} }
    const write = (chunk: Uint8Array) => {
      const name = String.fromCharCode(chunk[0] as number)
      kept.set(name, [...(kept.get(name) ?? []), chunk])
      return true
    }
    pipeSocket(socket, () => ({ ...flow, write }))
  })
  const names = [...'abcdefgh']
  const sizes = [1, 100, 4095, 4096, 50_000, 200_000]
  for (const size of sizes) {
    const programs = names.map((name) => ({ name, program: dial(t, listener) }))
    for (const { name, program } of programs) program.end(name.repeat(size))
    await Promise.all(programs.map(({ program }) => once(program, 'finish')))
  }
  const wanted = sizes.reduce((sum, size) => sum + size)
  const lengthOf = (name: string) => Buffer.concat(kept.get(name) ?? []).length
  for (let i = 0; i < 200 && names.some((name) => lengthOf(name) < wanted); i++) await sleep(10)
  for (const name of names) {
    assert.equal(Buffer.concat(kept.get(name) ?? []).toString('latin1'), name.repeat(wanted))
  }
})

test('a refused flow resets the program', async (t) => {
  const { way, listener } = await openWay(t, (open) => open.refuse('origin-refused', 'closed'))
  const refusals: string[] = []
  listener.on('connection', (socket) => {
    pipeSocket(socket, way.open, { refused: ({ code }) => refusals.push(code) })
  })
  const program = dial(t, listener)
  const [error] = await once(program, 'error')
  assert.equal((error as { code: string }).code, 'ECONNRESET')
  assert.deepEqual(refusals, ['origin-refused'])
})

test('a socket that is gone already ends the flow at once', async (t) => {
  const { way, listener } = await openWay(t, () => {})
  const accepted = once(listener, 'connection')
  dial(t, listener)
  const [socket] = (await accepted) as [Socket]
  socket.destroy()
  const ends: FlowEnd[] = []
  pipeSocket(socket, way.open, { reset: (end) => ends.push(end) })
  assert.equal(ends[0]?.code, 'cancelled')
})

/** A program's socket and an origin's, joined through everything; `done` has how both pumps ended. */
async function joinSockets(t: TestContext, originPath?: string) {
  const originServer = await listen(t, originPath)
  const atOrigin = once(originServer, 'connection')
  const ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const
  const events = (i: 0 | 1) => ({
    done: () => ends[i].resolve('done'),
    reset: (end: FlowEnd) => ends[i].resolve(end.code),
  })
  const { way, listener } = await openWay(t, (open) => {
    const socket = dial(t, originServer)
    socket.once('connect', () => {
      const info = { instance: 'hq-1', resolveMicros: 0, connectMicros: 0 }
      const accept = (handlers: Parameters<IncomingOpen['accept']>[1]) =>
        open.accept(info, handlers)
      pipeSocket(socket, accept, { ...events(1), brokenAs: 'origin-reset' })
    })
  })
  listener.on('connection', (socket) => pipeSocket(socket, way.open, events(0)))
  const program = dial(t, listener)
  const [origin] = (await atOrigin) as [Socket]
  return { program, origin, way, done: Promise.all(ends.map(({ promise }) => promise)) }
}

async function openWay(t: TestContext, incoming: (open: IncomingOpen) => void) {
  const way = await openRealWay(incoming)
  t.after(() => way.close())
  return { way, listener: await listen(t) }
}

async function listen(t: TestContext, at?: string): Promise<Server> {
  const server = net.createServer({ allowHalfOpen: true })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  if (at === undefined) server.listen(0, '127.0.0.1')
  else server.listen(at)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}

function dial(t: TestContext, server: Server): Socket {
  const at = server.address() as AddressInfo | string
  const where = typeof at === 'string' ? { path: at } : { port: at.port, host: '127.0.0.1' }
  const socket = net.connect({ ...where, allowHalfOpen: true })
  socket.on('error', () => {})
  t.after(() => void socket.destroy())
  return socket
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)))
  await once(socket, 'end')
  return Buffer.concat(chunks)
}
