import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { Apps } from '../../connector/app.ts'
import { Dialler } from '../../connector/dial.ts'
import { Door } from '../../connector/door.ts'
import { type Network, systemNetwork } from '../../connector/network.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { silentLog } from '../../process/log.ts'
import { realClock as clock } from './clock.ts'
import { LyingEdge } from './pair.ts'

let origin: net.Server
let serve: (socket: net.Socket) => void
let sockets: net.Socket[] = []
let port = 0
before(async () => {
  origin = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
})
beforeEach(() => {
  sockets = []
  serve = (socket) => void socket.pipe(socket)
})
after(() => origin.close())

async function through(
  use: (edge: LyingEdge, door: Door) => Promise<void>,
  network: Network = systemNetwork,
) {
  const text = `
apps:
  - { host: app.corp.internal, to: "127.0.0.1:${port}", ports: [80] }
  - { host: dns.corp.internal, ports: [80] }
`
  const { apps } = parseConnectorSettings(text, '/c.yaml')
  const dialler = new Dialler({ network, clock })
  const door = new Door(new Apps(apps), { dialler, instance: 'c-1.abc', log: silentLog })
  const edge = new LyingEdge({ incoming: (open) => void door.take(open) })
  try {
    await use(edge, door)
  } finally {
    edge.close()
    for (const socket of sockets) socket.destroy()
  }
}

test('bytes go both ways, the end too, and OPENED says which instance and what it cost', async () => {
  await through(async (edge, door) => {
    const got: Buffer[] = []
    const ended = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<object>()
    const sent = Buffer.alloc(1_000_000, 'x')
    const flow = edge.open('app.corp.internal', 80, {
      opened: (info) => opened.resolve(info),
      data(chunk) {
        got.push(Buffer.from(chunk))
        flow.consumed(chunk.length)
      },
      ended: () => ended.resolve(),
    })
    flow.write(sent)
    flow.end()
    const info = (await opened.promise) as {
      instance: string
      connectMicros: number
      resolveMicros: number
    }
    assert.equal(info.instance, 'c-1.abc')
    assert.ok(info.connectMicros > 0)
    await ended.promise
    assert.equal(Buffer.concat(got).equals(sent), true)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(door.flowCount, 0)
  })
})

test('a server that speaks first is heard', async () => {
  serve = (socket) => socket.write('220 ready\r\n')
  await through(async (edge) => {
    const heard = await new Promise<string>((resolve) => {
      edge.open('app.corp.internal', 80, { data: (chunk) => resolve(String(Buffer.from(chunk))) })
    })
    assert.equal(heard, '220 ready\r\n')
  })
})

test('an origin that resets resets the flow', async () => {
  serve = (socket) => socket.once('data', () => socket.resetAndDestroy())
  await through(async (edge) => {
    const code = await new Promise<string>((resolve) => {
      const flow = edge.open('app.corp.internal', 80, { reset: (end) => resolve(end.code) })
      flow.write(Buffer.from('x'))
    })
    assert.equal(code, 'origin-reset')
  })
})

test('a flow that is reset resets the origin', async () => {
  serve = (socket) => void socket.resume()
  await through(async (edge) => {
    const closed = Promise.withResolvers<string>()
    const opened = Promise.withResolvers<void>()
    const flow = edge.open('app.corp.internal', 80, { opened: () => opened.resolve() })
    await opened.promise
    while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    sockets[0]?.on('error', (error: NodeJS.ErrnoException) => closed.resolve(error.code ?? ''))
    sockets[0]?.on('close', () => closed.resolve('closed'))
    flow.reset('cancelled')
    assert.equal(await closed.promise, 'ECONNRESET')
  })
})

const LOOKUPS: [string, string][] = [
  ['ENOTFOUND', 'origin-no-such-name'],
  ['EAI_AGAIN', 'origin-dns-failed'],
]
for (const [error, code] of LOOKUPS) {
  test(`${error} is told the client as ${code}, in a sentence without addresses`, async () => {
    const lookup = async () => Promise.reject(Object.assign(new Error('x'), { code: error }))
    await through(
      async (edge) => {
        const end = await edge.ask('dns.corp.internal', 80)
        assert.deepEqual([end.kind, end.code], ['refused', code])
        assert.match(end.reason ?? '', /resolver/)
      },
      { ...systemNetwork, lookup },
    )
  })
}

test('given up while its name is looked up: the origin is never dialled', async () => {
  const found = Promise.withResolvers<string[]>()
  let connects = 0
  const network: Network = {
    lookup: () => found.promise,
    connect(where) {
      connects++
      return systemNetwork.connect(where)
    },
  }
  await through(async (edge, door) => {
    const flow = edge.open('dns.corp.internal', 80)
    await new Promise((resolve) => setTimeout(resolve, 20))
    flow.reset('cancelled')
    await new Promise((resolve) => setTimeout(resolve, 20))
    found.resolve(['10.9.8.7'])
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual([connects, door.flowCount], [0, 0])
  }, network)
})

test('the tunnel goes: every origin socket is closed', async () => {
  serve = () => undefined
  await through(async (edge, door) => {
    await Promise.all(Array.from({ length: 20 }, () => edge.ask('app.corp.internal', 80)))
    assert.equal(door.flowCount, 20)
    edge.edge.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(door.flowCount, 0)
    assert.ok(sockets.every((socket) => socket.destroyed || socket.readyState !== 'open'))
  })
})
