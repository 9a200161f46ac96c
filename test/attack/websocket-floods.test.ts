/** Below the frames of a tunnel: what WebSocket itself lets a peer send. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import tls from 'node:tls'
import { WebSocket } from 'ws'
import { closeCodeOf } from '../../tunnel/codes.ts'
import { bodyFrame } from '../../tunnel/frames/write.ts'
import { startHouse } from '../edge/house/house.ts'
import { Stage } from './stage/stage.ts'
import { filledWith, WS_PING, WS_PONG, wsFragments, wsFrame } from './stage/ws.ts'

const CHUNK_BYTES = 65_536
const ping = filledWith(wsFrame(new Uint8Array(125), { opcode: WS_PING }), CHUNK_BYTES)

test('floods below the frames slow nobody else', async (t) => {
  const stage = await Stage.set(t)

  await t.test('fragments of one byte', async (t) => {
    const message = wsFragments(bodyFrame(0xff, 0, new Uint8Array(48)))
    const seen = await stage.attack(t, { flood: filledWith(message, CHUNK_BYTES) })
    stage.assertUnharmed(seen, 96)
  })

  await t.test('more fragments than a message may have', async (t) => {
    const message = wsFragments(bodyFrame(0xff, 0, new Uint8Array(60)))
    const seen = await stage.attack(t, { flood: message })
    stage.assertUnharmed(seen, 96)
  })

  await t.test('WebSocket pings, whose answers are read', async (t) => {
    const seen = await stage.attack(t, { flood: ping })
    stage.assertUnharmed(seen, 96)
    assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
  })

  await t.test('WebSocket pings, whose answers nobody reads', async (t) => {
    const seen = await stage.attack(t, { flood: ping, isDeaf: true })
    stage.assertUnharmed(seen, 96)
  })

  await t.test('WebSocket pongs', async (t) => {
    const pong = wsFrame(new Uint8Array(0), { opcode: WS_PONG })
    const seen = await stage.attack(t, { flood: filledWith(pong, CHUNK_BYTES) })
    stage.assertUnharmed(seen, 96)
    assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
  })
})

test('65 fragments of one message close the link that they come on', async (t) => {
  const { url, caPem: ca } = (await startHouse(t)).target
  const ws = new WebSocket(`${url}/tunnel`.replace('https', 'wss'), 'byname.1', { ca })
  t.after(() => ws.terminate())
  await once(ws, 'open')
  for (let i = 0; i < 65; i++) ws.send(new Uint8Array(1), { fin: i === 64 })
  const [code] = await once(ws, 'close')
  assert.equal(code, 1008)
})

for (const what of ['ping', 'pong'] as const) {
  test(`more than fifty of a WebSocket’s ${what}s at once close it`, async (t) => {
    const { url, caPem: ca } = (await startHouse(t)).target
    const ws = new WebSocket(`${url}/tunnel`.replace('https', 'wss'), 'byname.1', { ca })
    t.after(() => ws.terminate())
    await once(ws, 'open')
    for (let i = 0; i < 60; i++) ws[what]()
    const [code, reason] = await once(ws, 'close')
    assert.equal(code, closeCodeOf('rate-limited'))
    assert.equal(String(reason), 'too many WebSocket pings')
  })
}

test('permessage-deflate that a peer offers is not agreed on', async (t) => {
  const { url, caPem: ca } = (await startHouse(t)).target
  const options = { ca, perMessageDeflate: { threshold: 0 } }
  const ws = new WebSocket(`${url}/tunnel`.replace('https', 'wss'), 'byname.1', options)
  t.after(() => ws.terminate())
  const opened = once(ws, 'open')
  const [response] = await once(ws, 'upgrade')
  assert.equal(response.headers['sec-websocket-extensions'], undefined)
  await opened
  assert.equal(ws.extensions, '')
})

test('a frame that says that it is compressed all the same is a broken one', async (t) => {
  const house = await startHouse(t)
  const { port } = new URL(house.target.url)
  const socket = tls.connect({ port: Number(port), host: '127.0.0.1', ca: house.target.caPem })
  t.after(() => socket.destroy())
  const upgrade = ['GET /tunnel HTTP/1.1', 'Host: 127.0.0.1', 'Connection: Upgrade']
  upgrade.push(
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: byname.1',
  )
  upgrade.push('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
  upgrade.push('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits')
  socket.write(`${upgrade.join('\r\n')}\r\n\r\n`)
  const [heard] = await once(socket, 'data')
  socket.resume()
  assert.doesNotMatch(String(heard), /Sec-WebSocket-Extensions/i)
  const frame = wsFrame(Buffer.from('4bcccd', 'hex'))
  frame[0] = 0xc2
  socket.write(frame)
  await once(socket, 'close')
})
