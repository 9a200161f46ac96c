import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESET_CODES } from '../../tunnel/codes.ts'
import { writeU24 } from '../../tunnel/frames/bytes.ts'
import { type FrameName, HEADER_BYTES, ruleOf, TYPE } from '../../tunnel/frames/frame.ts'
import { bodyFrame, makeFrame, putFin, putHeader, resetFrame } from '../../tunnel/frames/write.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { pattern, type TestLink } from '../tunnel/doubles.ts'
import { House } from '../tunnel/house.ts'
import { bytesOf, vectors } from '../tunnel/vectors.ts'

/**
 * A peer that is no honest implementation, at each of the four ends of a way. The answer is a coded
 * error or nothing; the flows of others go on.
 */
const VICTIMS = ['client', 'connector', 'edge-of-client', 'edge-of-connector'] as const
type Victim = (typeof VICTIMS)[number]

const NAMES = Object.keys(TYPE) as FrameName[]

function linkOf(house: House, victim: Victim): TestLink {
  switch (victim) {
    case 'client':
      return house.clientWire.a
    case 'connector':
      return house.connectorWire.a
    case 'edge-of-client':
      return house.clientWire.b
    case 'edge-of-connector':
      return house.connectorWire.b
  }
}

function closedAt(house: House, victim: Victim): LinkClosed | undefined {
  const ends = {
    client: house.client,
    connector: house.connector,
    'edge-of-client': house.clientSide,
    'edge-of-connector': house.connectorSide,
  }
  return ends[victim].closedWhy
}

/** Somebody else's flow over the same edge, and over the same connector unless that is the attacker. */
function bystander(house: House, victim: Victim) {
  const client = house.addClient()
  const target = victim.includes('connector') ? house.addConnector() : undefined
  if (target) client.side.onOpen = house.clientSide.onOpen
  const flow = house.join(target?.end ?? house.connector, client.end)
  return () => {
    const before = flow.atFar.length
    flow.near.write(pattern(1000))
    house.settle()
    assert.equal(flow.atFar.length, before + 1000, 'the flow of somebody else goes on')
  }
}

function send(house: House, victim: Victim, bytes: Uint8Array): void {
  const link = linkOf(house, victim)
  if (!link.closed) link.onMessage?.(new Uint8Array(bytes))
  house.settle()
}

function assertCoded(why: LinkClosed | undefined): void {
  if (why === undefined) return
  assert.ok(why.code in RESET_CODES && why.code !== 'internal', `${why.code}: ${why.reason}`)
}

/** They begin a stream: on one that is there they are the tunnel's mistake. */
const FIRSTS: ReadonlySet<string> = new Set(['OPEN', 'RESUME'])

for (const victim of VICTIMS) {
  test(`${victim}: every frame cut off after every byte, and then the end of the link`, () => {
    const good = vectors.filter(({ means }) => means !== undefined)
    for (const vector of good) {
      const bytes = bytesOf(vector)
      const house = new House()
      const goesOn = bystander(house, victim)
      for (let length = 1; length < bytes.length; length += 1 + (length >> 4)) {
        const fresh = new House()
        send(fresh, victim, bytes.subarray(0, length))
        assertCoded(closedAt(fresh, victim))
        linkOf(fresh, victim).lose({ code: 'tunnel-lost', reason: '', by: 'network' })
        fresh.settle()
      }
      send(house, victim, bytes.subarray(0, bytes.length - 1))
      linkOf(house, victim).lose({ code: 'tunnel-lost', reason: '', by: 'network' })
      goesOn()
    }
  })

  test(`${victim}: every frame one byte longer than it may be, and as long as a header can say`, () => {
    for (const name of NAMES) {
      const most = ruleOf(TYPE[name])?.maxBytes ?? 0
      for (const length of [most + 1, 0xffffff]) {
        const house = new House()
        const goesOn = bystander(house, victim)
        const header = makeFrame(TYPE[name], streamOf(name), 0)
        writeU24(header, 1, length)
        send(house, victim, header)
        assert.equal(closedAt(house, victim)?.code, 'protocol-error', `${name} of ${length}`)
        goesOn()
      }
    }
  })

  test(`${victim}: every frame one byte shorter than it may be`, () => {
    for (const name of NAMES) {
      const least = ruleOf(TYPE[name])?.minBytes ?? 0
      if (least === 0) continue
      const house = new House()
      send(house, victim, makeFrame(TYPE[name], streamOf(name), least - 1))
      assert.equal(closedAt(house, victim)?.code, 'protocol-error', name)
    }
  })

  test(`${victim}: every frame on the wrong kind of stream`, () => {
    for (const name of NAMES) {
      const house = new House()
      const least = ruleOf(TYPE[name])?.minBytes ?? 0
      send(house, victim, makeFrame(TYPE[name], streamOf(name) === 0 ? 1 : 0, least))
      assert.equal(closedAt(house, victim)?.code, 'protocol-error', name)
    }
  })

  test(`${victim}: the handshake a second time`, () => {
    for (const name of ['HELLO', 'AUTH', 'READY'] as const) {
      const house = new House()
      send(house, victim, bodyFrame(TYPE[name], 0, Buffer.from('{}')))
      assert.equal(closedAt(house, victim)?.code, 'protocol-error', name)
    }
  })

  test(`${victim}: every frame of a flow on a stream that was never opened`, () => {
    for (const name of NAMES.filter((one) => streamOf(one) === 1 && one !== 'OPEN')) {
      const house = new House()
      const goesOn = bystander(house, victim)
      send(house, victim, validOn(name, 77))
      const code = closedAt(house, victim)?.code
      assert.ok(code === 'protocol-error' || code === 'unsupported', `${name}: ${code}`)
      goesOn()
    }
  })

  test(`${victim}: every frame of a flow while it is open, after its FIN and after its RESET`, () => {
    for (const name of NAMES.filter((one) => streamOf(one) === 1 && !FIRSTS.has(one))) {
      for (const before of ['nothing', 'FIN', 'RESET'] as const) {
        const house = new House()
        house.join()
        const goesOn = bystander(house, victim)
        if (before === 'FIN') send(house, victim, finAt0())
        if (before === 'RESET') send(house, victim, resetFrame(1, 'cancelled', ''))
        send(house, victim, validOn(name, 1))
        assert.equal(
          closedAt(house, victim),
          undefined,
          `${name} after ${before}: the flow at most`,
        )
        goesOn()
      }
    }
  })
}

test('a stream that is used twice closes the tunnel', () => {
  for (const victim of ['connector', 'edge-of-client'] as const) {
    const house = new House()
    house.join()
    send(house, victim, validOn('OPEN', 1))
    assert.equal(closedAt(house, victim)?.code, 'protocol-error')
    const another = new House()
    another.join()
    send(another, victim, validOn('RESUME', 1))
    assert.equal(closedAt(another, victim)?.code, 'protocol-error')
  }
})

test('a connector that opens a flow, and an edge that opens one at a client, are closed', () => {
  for (const victim of ['client', 'edge-of-connector'] as const) {
    const house = new House()
    send(house, victim, validOn('OPEN', 9))
    assert.equal(closedAt(house, victim)?.code, 'protocol-error')
  }
})

test('a reason that is no text ends its flow and not the tunnel that others share', () => {
  const house = new House()
  house.join()
  const goesOn = bystander(house, 'edge-of-client')
  const frame = makeFrame(TYPE.RESET, 1, 4)
  frame.set([0, 1, 0xff, 0xfe], HEADER_BYTES)
  send(house, 'edge-of-client', frame)
  assert.equal(house.connector.closedWhy, undefined)
  assert.equal(house.connector.endpoint.flowCount, 1)
  goesOn()
})

const streamOf = (name: FrameName): number => (ruleOf(TYPE[name])?.scope === 'flow' ? 1 : 0)

/** A frame of this kind whose bytes are in order, on `stream`. */
function validOn(name: FrameName, stream: number): Uint8Array {
  const vector = vectors.find(({ type, stream: on }) => type === name && on !== 0xffffffff)
  assert.ok(vector)
  const bytes = new Uint8Array(bytesOf(vector))
  putHeader(bytes, 0, TYPE[name], bytes.length - HEADER_BYTES, stream)
  return bytes
}

function finAt0(): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + 8)
  putFin(frame, 0, 1, 0)
  return frame
}
