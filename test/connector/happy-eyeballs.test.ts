import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { type Connected, interleave, raceConnect } from '../../connector/happy-eyeballs.ts'
import { StandingClock } from './clock.ts'

class FakeSocket extends EventEmitter {
  destroyed = false
  destroy(): void {
    this.destroyed = true
  }
  fail(code: string): void {
    this.emit('error', Object.assign(new Error(code), { code }))
  }
}

function race(addresses: readonly string[], isTrue = () => true) {
  const clock = new StandingClock()
  const started = new Map<string, FakeSocket>()
  const abort = new AbortController()
  let outcome: Connected | undefined
  const start = (address: string) => {
    const socket = new FakeSocket()
    started.set(address, socket)
    return socket as unknown as Socket
  }
  void raceConnect({ addresses, start, isTrue, clock, signal: abort.signal }).then((end) => {
    outcome = end
  })
  const socket = (address: string) => {
    const found = started.get(address)
    assert.ok(found, `${address} was not tried`)
    return found
  }
  const alive = () => [...started].filter(([, one]) => !one.destroyed).map(([address]) => address)
  return { clock, started, socket, alive, abort, end: () => outcome }
}

test('the families take turns, beginning with the first one', () => {
  assert.deepEqual(interleave(['1', '2', '3', 'a:', 'b:']), ['1', 'a:', '2', 'b:', '3'])
  assert.deepEqual(interleave(['a:', '1', 'b:', '2']), ['a:', '1', 'b:', '2'])
  assert.deepEqual(interleave(['1']), ['1'])
  assert.deepEqual(interleave([]), [])
})

test('each address is tried 250 ms after the one before, and the first to answer wins', async () => {
  const { clock, started, socket, alive, end } = race(['a', 'b', 'c'])
  assert.deepEqual([...started.keys()], ['a'])
  await clock.pass(249)
  assert.deepEqual([...started.keys()], ['a'])
  await clock.pass(1)
  assert.deepEqual([...started.keys()], ['a', 'b'])
  socket('b').emit('connect')
  await clock.pass(1000)
  assert.equal(end()?.kind, 'connected')
  assert.deepEqual(alive(), ['b'], 'the loser is closed, the third never tried')
  assert.equal(clock.waitingCount, 0, 'no timer is left')
})

test('a failure starts the next one at once', async () => {
  const { clock, started, socket, end } = race(['a', 'b'])
  socket('a').fail('ECONNREFUSED')
  assert.deepEqual([...started.keys()], ['a', 'b'])
  socket('b').emit('connect')
  await clock.pass(0)
  assert.deepEqual(end()?.kind === 'connected' && end(), {
    kind: 'connected',
    socket: socket('b'),
    address: 'b',
  })
})

const ENDINGS: [readonly string[], string][] = [
  [['ECONNREFUSED'], 'origin-refused'],
  [['EHOSTUNREACH', 'ECONNREFUSED'], 'origin-refused'],
  [['ETIMEDOUT', 'ENETUNREACH'], 'origin-timeout'],
  [['ENETUNREACH', 'EACCES'], 'origin-unreachable'],
  [['EMFILE', 'EHOSTUNREACH'], 'over-budget'],
  [['ENOENT'], 'origin-unreachable'],
  [['EAGAIN'], 'origin-refused'],
]

for (const [codes, code] of ENDINGS) {
  test(`${codes.join(', then ')} is ${code}`, async () => {
    const { clock, socket, end } = race(codes.map((_, at) => `10.0.0.${at}`))
    for (const [at, one] of codes.entries()) socket(`10.0.0.${at}`).fail(one)
    await clock.pass(0)
    const outcome = end()
    assert.equal(outcome?.kind === 'failed' && outcome.code, code)
    assert.equal(
      outcome?.kind === 'failed' && /10\.0\.0/.test(outcome.reason),
      false,
      'no address for the person',
    )
    assert.equal(clock.waitingCount, 0)
  })
}

test('nobody answers: origin-timeout after 10 s, and no socket is left', async () => {
  const { clock, alive, end } = race(['a', 'b'])
  await clock.pass(9999)
  assert.equal(end(), undefined)
  await clock.pass(1)
  const outcome = end()
  assert.equal(outcome?.kind === 'failed' && outcome.code, 'origin-timeout')
  assert.deepEqual(alive(), [])
})

test('given up: every socket is closed and no more are tried', async () => {
  const { clock, started, socket, alive, abort, end } = race(['a', 'b', 'c'])
  await clock.pass(250)
  abort.abort()
  await clock.pass(5000)
  const outcome = end()
  assert.equal(outcome?.kind === 'failed' && outcome.code, 'cancelled')
  assert.deepEqual([...started.keys()], ['a', 'b'])
  assert.deepEqual(alive(), [])
  socket('a').emit('connect')
  socket('b').fail('ECONNRESET')
  assert.equal(end(), outcome)
  assert.equal(clock.waitingCount, 0)
})

test('a socket that led elsewhere is closed and the next one tried', async () => {
  let asked = 0
  const { clock, socket, end } = race(['a', 'b'], () => ++asked > 1)
  socket('a').emit('connect')
  assert.equal(socket('a').destroyed, true)
  socket('b').emit('connect')
  await clock.pass(0)
  assert.equal(end()?.kind, 'connected')
})

test('given up before it began, or with nothing to try: nothing is tried', async () => {
  const { clock, started, end } = race([])
  await clock.pass(0)
  assert.equal(end()?.kind, 'failed')
  assert.equal(started.size, 0)
})
