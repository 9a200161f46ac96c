import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFrame } from '../../tunnel/frames/open.ts'
import { resetFrame } from '../../tunnel/frames/write.ts'
import type { Rates } from '../../tunnel/limits.ts'
import { systemClock } from '../../tunnel/link.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { Relay, type RelayTunnel } from '../../tunnel/relay.ts'
import { flowId, pattern, type Wire } from '../tunnel/doubles.ts'
import { House, request } from '../tunnel/house.ts'
import { dialLoopback, serveLoopback } from '../tunnel/loopback.ts'

const bursts = new Map<number, Uint8Array>()

/** OPEN and RESET of the same stream, over and over: HTTP/2's rapid reset. */
function burst(firstStream: number): Uint8Array {
  const made = bursts.get(firstStream) ?? makeBurst(firstStream)
  bursts.set(firstStream, made)
  return new Uint8Array(made)
}

function makeBurst(firstStream: number): Uint8Array {
  const frames: Uint8Array[] = []
  for (let stream = firstStream; stream < firstStream + PAIRS; stream++) {
    const limits = { sendLimit: 16_384, receiveLimit: 16_384 }
    frames.push(openFrame(stream, { ...request(stream), attempt: 1, ...limits }))
    frames.push(resetFrame(stream, 'cancelled', ''))
  }
  return Buffer.concat(frames)
}

const PAIRS = 500

/** Delivers pairs until they are used up or the edge has had enough; gives how many it took. */
function flood(house: House, wire: Wire, pairs: number): number {
  let sent = 0
  while (sent < pairs && !wire.b.closed) {
    wire.b.onMessage?.(burst(sent + 1))
    sent += PAIRS
    house.settle()
  }
  return sent
}

test('a million OPEN+RESET: each tunnel is closed after its burst, others go on, nothing is left', () => {
  const house = new House()
  const other = house.addClient()
  const flow = house.join(house.connector, other.end)
  const before = process.memoryUsage().heapUsed
  let total = 0
  let tunnels = 0
  while (total < 1_000_000) {
    const attacker = house.addClient()
    attacker.wire.a.onMessage = () => {}
    // Some reach the connector, most are refused by the gate.
    if (tunnels % 4 > 0) attacker.side.onOpen = (open) => open.refuse('policy-denied', '')
    total += flood(house, attacker.wire, 1_000_000 - total)
    tunnels += 1
    if (total < 1_000_000) assert.equal(attacker.side.closedWhy?.code, 'rate-limited')
    house.remove(attacker.wire)
    if (tunnels % 20 === 0) {
      flow.near.write(pattern(1000))
      house.settle()
      assert.equal(flow.atFar.length, (tunnels / 20) * 1000)
    }
  }
  assert.ok(tunnels >= 50, `${tunnels} tunnels`)
  assert.equal(house.connector.endpoint.flowCount, 1)
  assert.equal(house.connectorSide.tunnel.flowCount, 1)
  assert.ok(process.memoryUsage().heapUsed - before < 200 << 20)
})

test('without a limit on the rate the machine itself keeps nothing of them', () => {
  const boundless: Rates = {
    open: [1e9, 1e9],
    resume: [1, 1],
    reset: [1e9, 1e9],
    ping: [1, 1],
    control: [1, 1],
    small: [1e9, 1e9],
  }
  const house = new House({ rates: boundless })
  flood(house, house.clientWire, 50_000)
  assert.equal(house.clientSide.tunnel.flowCount, 0)
  assert.equal(house.connectorSide.tunnel.flowCount, 0)
  assert.equal(house.connector.endpoint.flowCount, 0)
  assert.equal(house.clientSide.closedWhy, undefined)
})

test('dials that are under way are called off', () => {
  const house = new House()
  let cancelled = 0
  house.connector.onIncoming = (open) => {
    open.onCancelled = () => {
      cancelled += 1
    }
  }
  flood(house, house.clientWire, 5_000)
  assert.equal(cancelled, 5_000)
})

test('OPENs that are never answered are bounded, and those beyond the bound are refused', () => {
  const house = new House()
  house.clientSide.onOpen = undefined
  const limits = { sendLimit: 16_384, receiveLimit: 16_384 }
  for (let stream = 1; stream <= 6_000; stream++) {
    const open = { ...request(stream), flowId: flowId(stream), attempt: 1, ...limits }
    house.clientWire.b.onMessage?.(openFrame(stream, open))
  }
  assert.equal(house.clientSide.tunnel.flowCount, 4096)
})

test('over a real tunnel: the attacker is closed within moments, another client goes on', async (t) => {
  const relay = new Relay({ clock: systemClock, codec: controlCodec })
  const closed = Promise.withResolvers<string>()
  let refusals = 0
  const door = await serveLoopback((link) => {
    const tunnel: RelayTunnel = relay.attach(link, 'client', {
      open: (flow) => {
        refusals += 1
        flow.refuse('no-such-name', '')
      },
      control: () => {},
      closed: ({ code }) => closed.resolve(code),
    })
    t.after(() => tunnel.close('shutting-down', ''))
  })
  t.after(() => door.close())
  const attacker = await dialLoopback(door.url, 'client')
  const started = Date.now()
  for (let sent = 0; sent < 40_000; sent += PAIRS) attacker.link.send(burst(sent + 1))
  assert.equal(await closed.promise, 'rate-limited')
  assert.ok(Date.now() - started < 5_000)
  assert.ok(refusals <= 25_000)
  const honest = await dialLoopback(door.url, 'client')
  assert.equal(honest.ready.exporterMatched, true)
  honest.link.close('shutting-down', '')
})
