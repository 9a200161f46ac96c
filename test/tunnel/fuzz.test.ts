import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RESET_CODES, type ResetCode } from '../../tunnel/codes.ts'
import { HEADER_BYTES, TYPE } from '../../tunnel/frames/frame.ts'
import { openedFrame, openFrame, refusedFrame } from '../../tunnel/frames/open.ts'
import {
  bodyFrame,
  CREDIT_FRAME_BYTES,
  FIN_FRAME_BYTES,
  goAwayFrame,
  pingFrame,
  putCredit,
  putFin,
  resetFrame,
} from '../../tunnel/frames/write.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { Seen } from './doubles.ts'
import { ACCEPT, House, request } from './house.ts'

const stream = fc.integer({ min: 1, max: 5 })
const offset = fc.oneof(
  fc.nat(100),
  fc.constantFrom(0, 1, 262_144, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const small = fc.nat(300)

/** Frames that are well formed, in any order and on any stream. */
const formed = fc.oneof(
  fc
    .tuple(stream, small, small, fc.nat(3))
    .map(([id, sendLimit, receiveLimit, flow]) =>
      openFrame(id, { ...request(flow), attempt: 1, sendLimit, receiveLimit }),
    ),
  stream.map((id) => openedFrame(id, { ...ACCEPT, gateMicros: 0, relayMicros: 0 })),
  stream.map((id) => refusedFrame(id, { code: 'internal', reason: '', facts: {} })),
  fc
    .tuple(stream, fc.integer({ min: 1, max: 300 }))
    .map(([id, n]) => bodyFrame(TYPE.DATA, id, new Uint8Array(n))),
  fc.tuple(stream, small).map(([id, n]) => bodyFrame(TYPE.DATA_AT, id, new Uint8Array(n + 9))),
  fc.tuple(stream, offset, offset).map(([id, received, limit]) => {
    const frame = new Uint8Array(CREDIT_FRAME_BYTES)
    putCredit(frame, 0, id, received, limit)
    return frame
  }),
  fc.tuple(stream, offset).map(([id, at]) => {
    const frame = new Uint8Array(FIN_FRAME_BYTES)
    putFin(frame, 0, id, at)
    return frame
  }),
  stream.map((id) => resetFrame(id, 'cancelled', 'fuzz')),
  fc.constant(pingFrame(TYPE.PING, 1)),
  offset.map((token) => pingFrame(TYPE.PONG, token)),
  fc
    .nat(5)
    .map((lastStream) =>
      goAwayFrame({ lastStream, spreadMs: 0, code: 'shutting-down', reason: '' }),
    ),
  fc
    .constantFrom('{}', '{"apps":[]}', '{"id":1,"name":"a.b","type":"A"}', '[]', '{')
    .chain((json) =>
      fc
        .constantFrom(TYPE.ANNOUNCE, TYPE.CATALOG, TYPE.RESOLVE, TYPE.RESOLVED, TYPE.NOTICE)
        .map((type) => bodyFrame(type, 0, Buffer.from(json))),
    ),
)
/** Frames whose bodies are anything within the length that their type allows, or not even that. */
const malformed = fc
  .tuple(fc.constantFrom(...Object.values(TYPE)), stream, fc.uint8Array({ maxLength: 80 }))
  .map(([type, id, body]) => bodyFrame(type, type === TYPE.OPEN ? id : id % 2, body))
const frames = fc.array(fc.oneof({ weight: 9, arbitrary: formed }, malformed), { maxLength: 40 })
const cut = fc.nat(200)

test('a client, a connector and an edge meet any frames with coded errors only', () => {
  fc.assert(
    fc.property(
      frames,
      fc.constantFrom('client', 'connector', 'edge', 'edge2'),
      cut,
      (sent, to, at) => {
        const house = new House()
        house.join()
        house.open(new Seen())
        house.settle()
        attack(house, to, sent, at)
        for (let i = 0; i < 3; i++) {
          house.settle()
          house.clock.advance(1000)
          house.client.endpoint.tick(house.clock.now())
          house.connector.endpoint.tick(house.clock.now())
          house.clientSide.tunnel.tick(house.clock.now())
        }
        const sides = [house.client, house.connector, house.clientSide, house.connectorSide]
        for (const { closedWhy } of sides) assertCoded(closedWhy)
        assertClean(house)
      },
    ),
    { numRuns: 1500 },
  )
})

/** Sends frames to one of the four ends as its peer would, cut somewhere. */
function attack(house: House, to: string, sent: readonly Uint8Array[], at: number): void {
  const { clientWire, connectorWire } = house
  const victims = {
    client: clientWire.a,
    edge: clientWire.b,
    connector: connectorWire.a,
    edge2: connectorWire.b,
  }
  const victim = victims[to as keyof typeof victims]
  const bytes = Buffer.concat(sent)
  const half = Math.min(bytes.length, at * HEADER_BYTES)
  for (const part of [bytes.subarray(0, half), bytes.subarray(half)]) {
    if (!victim.closed) victim.onMessage?.(new Uint8Array(part))
  }
}

function assertCoded(why: LinkClosed | undefined): void {
  if (why === undefined) return
  assert.ok(why.code in RESET_CODES)
  assert.notEqual(why.code, 'internal' satisfies ResetCode, why.reason)
}

/** A tunnel that is closed has no flow left, and nobody carries on with one of its flows. */
function assertClean({ client, connector, clientSide, connectorSide }: House): void {
  if (client.closedWhy) assert.equal(client.endpoint.flowCount, 0)
  if (connector.closedWhy) assert.equal(connector.endpoint.flowCount, 0)
  if (clientSide.closedWhy) assert.equal(clientSide.tunnel.flowCount, 0)
  if (clientSide.closedWhy) assert.equal(connectorSide.tunnel.flowCount, 0)
}
