import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Flow, FlowHandlers } from '../../tunnel/flow.ts'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { openFrame } from '../../tunnel/frames/open.ts'
import { pingFrame } from '../../tunnel/frames/write.ts'
import { pattern, Seen } from '../tunnel/doubles.ts'
import { ACCEPT, House, request } from '../tunnel/house.ts'
import { openRealWay } from '../tunnel/way.ts'

const MIB = 1 << 20

/** What waits at the edge for one tunnel, as the link sees it and as the relay counts it. */
function waiting(house: House): number {
  const sent = house.clientWire.b.sent.reduce((sum, { length }) => sum + length, 0)
  return (
    sent + [...house.clientSide.tunnel.flows].reduce((sum, { bytesDown }) => sum + bytesDown, 0)
  )
}

test('a client that downloads on a hundred flows and never reads: bounded, and another reads on', () => {
  const house = new House()
  const other = house.addClient()
  house.connector.onIncoming = (open) => {
    const seen = new Seen()
    const flow = open.accept(ACCEPT, seen)
    flood(flow, seen)
  }
  for (let i = 0; i < 100; i++) house.open()
  house.settle()
  house.clientWire.b.isStalled = true
  for (let i = 0; i < 100; i++) house.open()
  house.settle()
  assert.ok(waiting(house) < 64 * MIB, `${waiting(house)} bytes wait`)
  const seen = new Seen()
  const flow = house.open(seen, other.end)
  seen.onData = (chunk) => flow.consumed(chunk.length)
  for (let i = 0; i < 40 && seen.length < 4 * MIB; i++) house.settleFor(200)
  assert.ok(seen.length >= 4 * MIB, 'the other client is served')
  tickUntilClosed(house)
  assert.equal(house.clientSide.closedWhy?.code, 'over-budget')
  assert.equal(house.clientSide.tunnel.flowCount, 0)
})

test('a client that answers pings and takes nothing else is given up after 20 s', () => {
  const house = new House()
  const { far } = house.join()
  house.clientWire.b.isStalled = true
  far.write(pattern(1000))
  house.settle()
  tickUntilClosed(house)
  assert.equal(house.clientSide.closedWhy?.code, 'over-budget')
})

test('a connector that never reads: its clients wait within their credit, other connectors are served', () => {
  const house = new House()
  const { near, atNear } = house.join()
  house.connectorWire.b.isStalled = true
  flood(near, atNear)
  house.settle()
  const [stuck] = house.clientSide.tunnel.flows
  assert.ok((stuck?.bytesUp ?? 0) <= 256 * 1024)
  const second = house.addConnector()
  const { near: up, atFar } = house.join(second.end)
  up.write(pattern(100_000))
  house.settle()
  assert.equal(atFar.length, 100_000)
})

test('a peer that asks and never reads the answers is closed, whatever it asks', () => {
  const house = new House()
  house.clientSide.onOpen = (flow) => flow.refuse('policy-denied', 'x'.repeat(256))
  house.clientWire.b.isStalled = true
  for (let stream = 1; stream < 200_000 && !house.clientSide.closedWhy; stream++) {
    const limits = { sendLimit: 0, receiveLimit: 0, attempt: 1 }
    house.clientWire.b.onMessage?.(openFrame(stream, { ...request(stream), ...limits }))
  }
  assert.match(house.clientSide.closedWhy?.code ?? '', /over-budget|rate-limited/)
  const pinger = new House()
  pinger.clientWire.b.isStalled = true
  for (let i = 0; i < 1000; i++) pinger.clientWire.b.onMessage?.(pingFrame(TYPE.PING, i))
  assert.equal(pinger.clientSide.closedWhy?.code, 'rate-limited')
})

test("over real tunnels: a client that stops reading stops its own download and nobody else's", async (t) => {
  const way = await openRealWay((open) => {
    const seen = new Seen()
    flood(open.accept(ACCEPT, seen), seen)
  })
  t.after(() => way.close())
  const stalled = way.open(swallow(() => {}))
  await sleep(300)
  const before = process.memoryUsage().arrayBuffers
  let read = 0
  const reader: Flow = way.open(
    swallow((bytes) => {
      read += bytes
      reader.consumed(bytes)
    }),
  )
  const started = Date.now()
  while (read < 32 * MIB && Date.now() - started < 8_000) await sleep(20)
  assert.ok(read >= 32 * MIB, `${read} bytes were read beside the one that stalls`)
  assert.ok(stalled.bytesReceived <= 256 * 1024, 'never more than its window')
  assert.ok(process.memoryUsage().arrayBuffers - before < 128 * MIB)
})

test('over a real socket: the kernel and the edge hold what they must, and no more', async (t) => {
  const way = await openRealWay((open) => {
    const seen = new Seen()
    flood(open.accept(ACCEPT, seen), seen)
  })
  t.after(() => way.close())
  for (let i = 0; i < 20; i++) way.open(swallow(() => {}))
  await sleep(50)
  // The link stops reading its socket while nobody listens.
  way.clientLink.onMessage = undefined
  await sleep(500)
  const flows = [...(way.tunnels[1]?.flows ?? [])]
  const relayed = flows.reduce((sum, { bytesDown }) => sum + bytesDown, 0)
  assert.equal(flows.length, 20)
  assert.ok(relayed <= 20 * 256 * 1024, `${relayed} bytes`)
})

/** Writes for ever. */
function flood(flow: Flow, seen: Seen): void {
  const chunk = pattern(65_536)
  seen.onDrained = () => {
    while (flow.write(chunk));
  }
  seen.onDrained()
}

function swallow(took: (bytes: number) => void): FlowHandlers {
  return {
    data: (chunk) => took(chunk.length),
    ended: () => {},
    reset: () => {},
    drained: () => {},
  }
}

/** The other end answers pings, but takes nothing of what waits for it. */
function tickUntilClosed(house: House): void {
  for (let s = 0; s < 60 && !house.clientSide.closedWhy; s++) {
    house.clock.advance(1000)
    house.clientWire.b.onMessage?.(pingFrame(TYPE.PONG, 1))
    house.clientSide.tunnel.tick(house.clock.now())
  }
}
