import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { startHouse } from '../edge/house/house.ts'
import { until } from '../edge/house/until.ts'
import { House } from '../tunnel/house.ts'
import { json, times } from './stage/frames.ts'
import { Stage } from './stage/stage.ts'
import { filledWith, messagesOf, wsFrame } from './stage/ws.ts'

const NAME = 'wiki.corp.internal'

test('a client that renews without end costs the edge a few renewals, and keeps its flows', async (t) => {
  const house = await startHouse(t)
  await house.publish('hq', 'wiki.corp.internal')
  const alice = await house.person('alice@example.com').dial()
  const flow = await alice.open('wiki.corp.internal').answered()
  for (let round = 0; round < 2000; round++) {
    alice.endpoint.send({ kind: 'renew', proof: `${round}` })
  }
  flow.say('still here')
  await flow.hears('still here')
  assert.ok(house.renewals() >= 1 && house.renewals() <= 15, `${house.renewals()}`)
})

test('a connector’s notices are written down as its own, and only so many', async (t) => {
  const house = await startHouse(t)
  const { peer } = await house.publish('hq', 'wiki.corp.internal')
  for (let round = 0; round < 2000; round++) {
    const text = `policy in force\n{"level":"info"} ${round}`
    peer.endpoint.send({ kind: 'notice', level: 'info', code: 'X', text, facts: { event: 'mine' } })
  }
  const noted = () => house.lines.filter(({ event }) => event === 'connector-notice')
  await until(() => noted().length >= 50)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(noted().length <= 55, `${noted().length}`)
  assert.ok(noted().every(({ connector }) => connector === 'hq'))
})

test('messages as long as they may be cost their sender’s tunnel, and slow nobody else', async (t) => {
  const stage = await Stage.set(t)
  const body = `{"facts":{},"x":[${'[],'.repeat(85_000)}[]]}`
  const pieces = filledWith(json(TYPE.FACTS, body), 1)
  const messages = Array.from({ length: Math.ceil(pieces.length / 60_000) }, (_, i) =>
    wsFrame(pieces.subarray(i * 60_000, (i + 1) * 60_000)),
  )
  const seen = await stage.attack(t, { flood: Buffer.concat(messages) })
  stage.assertUnharmed(seen, 160)
  assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
})

test('RESOLVE without end costs its sender’s tunnel, and slows nobody else', async (t) => {
  const stage = await Stage.set(t)
  const ask = (id: number) => json(TYPE.RESOLVE, `{"id":${id},"name":"${NAME}","type":"A"}`)
  const flood = messagesOf(times(1000, ask))
  const seen = await stage.attack(t, { flood })
  stage.assertUnharmed(seen, 96)
  assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
})

for (const [what, body] of [
  ['79 of 256 KiB', `{"facts":{},"x":"${'x'.repeat(262_000)}"}`],
  ['5,001 small ones', '{"facts":{}}'],
] as const) {
  test(`control messages at once, ${what}: too many, and closed`, () => {
    const house = new House()
    const frame = json(TYPE.FACTS, body)
    const message = filledWith(frame, 250_000)
    const most = frame.length > 250_000 ? 79 : Math.ceil((5001 * frame.length) / message.length)
    for (let i = 0; i < most; i++) {
      assert.equal(house.clientSide.closedWhy, undefined)
      house.clientWire.b.onMessage?.(new Uint8Array(message))
    }
    assert.equal(house.clientSide.closedWhy?.code, 'rate-limited')
  })
}

test('a megabyte, which an edge may say, is more than a client may', () => {
  const house = new House()
  const frame = json(TYPE.FACTS, `{"facts":{},"x":"${'x'.repeat(1_000_000)}"}`)
  house.clientWire.b.onMessage?.(frame.subarray(0, 100).slice())
  assert.equal(house.clientSide.closedWhy?.code, 'protocol-error')
})
