/**
 * Ten thousand peers that begin a WebSocket and never end it, from a hundred addresses, each address with
 * all the places that it has. The edge stands it; whoever is honest comes in and is answered.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { until } from '../edge/house/until.ts'
import { Stage } from './stage/stage.ts'

const COUNT = 10_000
const ADDRESSES = 100
/** Of the edge, for all of them: 26 KiB each, most of it OpenSSL's, and what a busy machine adds. */
const MOST_MIB = 384
/** The first kilobyte of a ClientHello, and an upgrade without its end. */
const HALF_HELLO = Buffer.concat([Buffer.from('1603010400010003fc0303', 'hex'), Buffer.alloc(989)])
const HALF_UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n'
/** A handshake of TLS costs both sides a millisecond: of these there are fewer. */
const WITH_TLS = 500

interface Peers {
  readonly sockets: net.Socket[]
  gone: number
}

function dial(t: TestContext, count: number, stage: Stage, withTls: boolean): Peers {
  const { url, caPem: ca } = stage.edge.ready
  const port = Number(new URL(url).port)
  const peers: Peers = { sockets: [], gone: 0 }
  for (let i = 0; i < count; i++) {
    const localAddress = `127.1.${withTls ? 1 : 0}.${1 + (i % ADDRESSES)}`
    const socket = net.connect({ port, host: '127.0.0.1', localAddress })
    socket
      .on('error', () => undefined)
      .on('close', () => {
        peers.gone += 1
      })
    if (withTls) {
      const over = tls.connect({ socket, ca, host: '127.0.0.1', ecdhCurve: 'X25519' })
      over.on('error', () => undefined).once('secureConnect', () => over.write(HALF_UPGRADE))
    } else socket.write(HALF_HELLO)
    peers.sockets.push(socket)
  }
  t.after(() => {
    for (const socket of peers.sockets) socket.destroy()
  })
  return peers
}

for (const [what, count, withTls] of [
  ['half a ClientHello', COUNT, false],
  ['half an upgrade', WITH_TLS, true],
] as const) {
  test(`${count} peers with ${what}: gone after seconds, and nobody else waits`, async (t) => {
    const stage = await Stage.set(t)
    const newcomer = await stage.edge.signIn('alice@example.com')
    const watched = stage.watchMemory()
    const peers = dial(t, count, stage, withTls)
    await stage.echo.roundMs()
    const begin = performance.now()
    const peer = await newcomer.dial()
    peer.close()
    t.diagnostic(`a newcomer is in after ${(performance.now() - begin).toFixed(0)} ms`)
    const seen = await stage.measure(500)
    t.diagnostic(
      `p99 ${seen.edgeMs.toFixed(1)} ms, edge grew by ${watched.grownMiB().toFixed(0)} MiB`,
    )
    assert.ok(seen.edgeMs < 100)
    await until(() => peers.gone === count, 60_000)
    assert.ok(watched.grownMiB() <= MOST_MIB, `the edge grew by ${watched.grownMiB()} MiB`)
    await stage.echo.roundMs()
  })
}
