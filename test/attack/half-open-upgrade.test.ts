import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'

const UPGRADE = [
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

/** Upgrades that are refused, each by another part of the edge. */
const REFUSED = [
  ['GET /elsewhere HTTP/1.1', ...UPGRADE],
  ['GET /tunnel HTTP/1.1', ...UPGRADE],
  ['GET /tunnel HTTP/1.1', ...UPGRADE, 'Sec-WebSocket-Protocol: byname.1', 'Origin: https://x'],
]

for (const lines of REFUSED) {
  test(`a peer that keeps its half open after ${lines[0]} (${lines.length} lines) is gone`, async (t) => {
    const house = await startHouse(t)
    const port = Number(new URL(house.target.url).port)
    const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const socket = tls.connect({ socket: raw, ca: house.target.caPem, host: '127.0.0.1' })
    t.after(() => void raw.destroy())
    let isGone = false
    const gone = () => {
      isGone = true
    }
    raw.on('error', gone).on('close', gone)
    socket.on('error', gone).on('data', () => undefined)
    // What a peer that never closes does: it goes on talking on its own half.
    socket.allowHalfOpen = true
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const talking = setInterval(() => void (isGone || socket.write('x')), 20)
    t.after(() => clearInterval(talking))
    await until(() => isGone, 2000)
    assert.ok(isGone)
  })
}

test('an edge can stop while a peer that was let in never says goodbye', async (t) => {
  const house = await startHouse(t)
  const { port } = new URL(house.target.url)
  const raw = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => void raw.destroy())
  const socket = tls.connect({ socket: raw, ca: house.target.caPem, host: '127.0.0.1' })
  for (const one of [raw, socket]) one.on('error', () => undefined)
  const lines = ['GET /tunnel HTTP/1.1', ...UPGRADE, 'Sec-WebSocket-Protocol: byname.1']
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
})
