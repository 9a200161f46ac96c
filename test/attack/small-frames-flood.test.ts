/** What is small costs the reader more than the line: floods of it, each by somebody who is let in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { bodyFrame, pingFrame, receivedFrame } from '../../tunnel/frames/write.ts'
import { House } from '../tunnel/house.ts'
import { credit, oneByte, open, times } from './stage/frames.ts'
import { type Attack, Stage } from './stage/stage.ts'
import { filledWith, messagesOf, payloadsOf, wsFrame } from './stage/ws.ts'

const CHUNK_BYTES = 65_536
const NOBODY = 'nobody.corp.internal'
const skipped = bodyFrame(0xff, 0, new Uint8Array(0))

const flood = (frame: Uint8Array) =>
  filledWith(messagesOf(times(Math.floor(16_000 / frame.length), () => frame)), CHUNK_BYTES)

const FLOODS: Readonly<Record<string, Attack>> = {
  PING: { flood: flood(pingFrame(TYPE.PING, 1)) },
  'PONG that nobody asked for': { flood: flood(pingFrame(TYPE.PONG, 1)) },
  RECEIVED: { flood: flood(receivedFrame(1)) },
  'frames of an unknown optional type': { flood: flood(skipped) },
  'DATA of a flow that was refused': {
    firsts: [messagesOf([open(1, NOBODY)])],
    flood: flood(oneByte(1)),
  },
  'CREDIT that says nothing new': {
    firsts: [messagesOf([open(1, 'wiki.corp.internal')])],
    flood: flood(credit(1, 0, 300_000)),
  },
  'DETACHED of a flow that is over': {
    firsts: [messagesOf([open(1, NOBODY)])],
    flood: flood(bodyFrame(TYPE.DETACHED, 1, Buffer.from([0, 1]))),
  },
  'messages of one byte': {
    flood: filledWith(
      Buffer.concat(Array.from(skipped, (byte) => wsFrame(Uint8Array.of(byte)))),
      CHUNK_BYTES,
    ),
  },
  'messages of no byte': { flood: filledWith(wsFrame(new Uint8Array(0)), CHUNK_BYTES) },
}

test('floods of small frames close their own tunnel, and slow nobody else', async (t) => {
  const stage = await Stage.set(t)
  for (const [what, attack] of Object.entries(FLOODS)) {
    await t.test(what, async (t) => {
      const seen = await stage.attack(t, attack)
      stage.assertUnharmed(seen, 96)
      // A busy machine may be too slow for the attacker to be too fast: see below for how it ends.
      assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
    })
  }
})

/** Delivers the messages so often, or until the edge has had enough; gives why. */
function deliver(house: House, bytes: Uint8Array | undefined, times: number) {
  for (let i = 0; i < times && !house.clientSide.closedWhy; i++) {
    for (const message of payloadsOf(bytes)) house.clientWire.b.onMessage?.(new Uint8Array(message))
  }
  return house.clientSide.closedWhy?.code
}

for (const [what, { firsts, flood }] of Object.entries(FLOODS)) {
  test(`${what}: whoever floods is closed once the burst is over`, () => {
    const house = new House()
    house.clientSide.onOpen = (flow) => flow.refuse('no-such-name', '')
    assert.equal(deliver(house, firsts?.[0], 1), undefined)
    assert.equal(deliver(house, flood, 100), 'rate-limited')
  })
}

test('what clients make a connector say does not end the tunnel that they share', () => {
  const house = new House()
  const { atNear } = house.join(house.connector, house.addClient().end)
  const credits = payloadsOf(flood(credit(1, 0, 300_000)))
  const { a, b } = house.connectorWire
  for (let i = 0; i < 100; i++) {
    for (const message of credits) b.onMessage?.(new Uint8Array(message))
    for (const message of credits) a.onMessage?.(new Uint8Array(message))
  }
  house.settle()
  assert.equal(house.connectorSide.closedWhy, undefined)
  assert.equal(house.connector.closedWhy, undefined)
  assert.equal(atNear.end, undefined)
})
