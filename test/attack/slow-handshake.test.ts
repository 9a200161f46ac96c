import assert from 'node:assert/strict'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

/** Loopback has many addresses: whoever is slow comes from another than the honest peers. */
const SLOW_ADDRESS = '127.0.0.2'
const UPGRADE = [
  'GET /tunnel HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: byname.1',
  '',
  '',
].join('\r\n')

interface Slow {
  readonly socket: net.Socket
  closedAt: number | undefined
}

type Step = 'tcp' | 'half-hello' | 'tls' | 'drip-headers' | 'upgraded' | 'drip-auth'

function dialSlow(t: TestContext, port: number, ca: string, step: Step): Slow {
  const raw = net.connect({ port, host: '127.0.0.1', localAddress: SLOW_ADDRESS })
  const slow: Slow = { socket: raw, closedAt: undefined }
  raw.on('close', () => {
    slow.closedAt = performance.now()
  })
  raw.on('error', () => undefined)
  t.after(() => void raw.destroy())
  if (step === 'half-hello') raw.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  if (step === 'tcp' || step === 'half-hello') return slow
  const socket = tls.connect({ socket: raw, ca, host: '127.0.0.1' })
  socket.on('error', () => undefined).on('data', () => undefined)
  socket.once('secureConnect', () => talkSlowly(t, socket, step))
  return slow
}

function talkSlowly(t: TestContext, socket: tls.TLSSocket, step: Step): void {
  const drip = (byte: string) => {
    const timer = setInterval(() => void (socket.destroyed || socket.write(byte)), 300)
    t.after(() => clearInterval(timer))
  }
  switch (step) {
    case 'drip-headers':
      socket.write('GET /.well-known/byname HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ')
      drip('x')
      break
    case 'upgraded':
      socket.write(UPGRADE)
      break
    case 'drip-auth':
      socket.write(UPGRADE)
      // A WebSocket frame of 16,000 bytes, begun and never finished.
      socket.write(Buffer.from([0x82, 0xfe, 0x3e, 0x80, 0, 0, 0, 0]))
      drip('x')
      break
    default:
      break
  }
}

test('peers that stop on the way in are dropped after seconds, while others come in at once', async (t) => {
  const house = await startHouse(t, { limits: { unprovenPerAddress: 200 } })
  await house.publish('hq', 'wiki.corp.internal')
  const port = Number(new URL(house.target.url).port)
  const steps = ['tcp', 'half-hello', 'tls', 'drip-headers', 'upgraded', 'drip-auth'] as const
  const begin = performance.now()
  const slow = steps.flatMap((step) =>
    Array.from({ length: 20 }, () => {
      return { step, peer: dialSlow(t, port, house.target.caPem, step) }
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const honest = performance.now()
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  assert.ok(flow.opened)
  assert.ok(performance.now() - honest < 1000)
  await until(() => slow.every(({ peer }) => peer.closedAt !== undefined), 9000)
  for (const { step, peer } of slow) {
    const took = (peer.closedAt ?? Infinity) - begin
    assert.ok(took < 8000, `${step} was there for ${took} ms`)
  }
  flow.say('still here')
  await flow.hears('still here')
})

test('one address has so many places on the way in, whatever step it stands at', async (t) => {
  const house = await startHouse(t, { limits: { unprovenPerAddress: 10 } })
  const port = Number(new URL(house.target.url).port)
  const steps = ['tcp', 'tls', 'upgraded'] as const
  for (const step of steps) {
    const peers = Array.from({ length: 25 }, () => dialSlow(t, port, house.target.caPem, step))
    await until(() => peers.filter(({ closedAt }) => closedAt !== undefined).length >= 15)
    const alice = await house.person('alice@example.com').dial()
    alice.close()
    for (const { socket } of peers) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

test('an upgrade to anything but a tunnel is answered and closed', async (t) => {
  const house = await startHouse(t)
  const port = Number(new URL(house.target.url).port)
  const socket = tls.connect({ port, host: '127.0.0.1', ca: house.target.caPem })
  t.after(() => void socket.destroy())
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write(UPGRADE.replace('/tunnel', '/elsewhere'))
  await new Promise((resolve) => socket.once('close', resolve))
  assert.match(answer, /^HTTP\/1\.1 404 /)
})

test('peers that were let in give their place back', async (t) => {
  const house = await startHouse(t, { limits: { unprovenPerAddress: 3 } })
  const device = house.person('alice@example.com')
  const peers = []
  for (let count = 0; count < 8; count++) peers.push(await device.dial())
  assert.equal(house.board.tunnels.counts().client, 8)
  for (const peer of peers) peer.close()
})

test('one session has so many tunnels', async (t) => {
  const house = await startHouse(t, { limits: { tunnelsPerPeer: 2 } })
  const device = house.person('alice@example.com')
  await device.dial()
  await device.dial()
  const third = await device.dial().then(
    (peer) => peer.closed.then(({ code }) => code),
    (error: { code: string }) => error.code,
  )
  assert.equal(third, 'rate-limited')
  assert.equal(house.board.tunnels.counts().client, 2)
})
