import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WindowBudget } from '../../tunnel/endpoint/budget.ts'
import { Receiving } from '../../tunnel/endpoint/receiving.ts'

const KIB = 1024

/** Receives and consumes `bytes` in pieces of 16 KiB over `micros`; gives the window it ends with. */
function stream(receiving: Receiving, bytes: number, micros: number, from: number): number {
  const pieces = bytes / (16 * KIB)
  for (let i = 1; i <= pieces; i++) {
    receiving.receive(16 * KIB)
    receiving.consume(16 * KIB, from + (micros * i) / pieces, 0)
    if (receiving.isCreditDue) receiving.credit()
  }
  const { received, limit } = receiving.credit()
  return limit - received
}

test('bytes beyond the credit are an error of flow control', () => {
  const receiving = new Receiving(100, new WindowBudget())
  receiving.receive(100)
  assert.throws(() => receiving.receive(1), { code: 'flow-control' })
})

test('FIN must be at the end, once, and nothing comes after it', () => {
  const receiving = new Receiving(100, new WindowBudget())
  receiving.receive(10)
  assert.throws(() => receiving.finish(9), { code: 'protocol-error' })
  assert.throws(() => receiving.finish(11), { code: 'protocol-error' })
  receiving.finish(10)
  assert.throws(() => receiving.finish(10), { code: 'protocol-error' })
  assert.throws(() => receiving.receive(1), { code: 'protocol-error' })
  assert.deepEqual(receiving.credit().received, 11)
})

test('credit is due long before a window is used up, and not for every byte', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  receiving.receive(1000)
  receiving.consume(1000, 0, 0)
  assert.equal(receiving.isCreditDue, false)
  assert.equal(receiving.owesAck, true)
  receiving.receive(32 * KIB)
  receiving.consume(32 * KIB, 0, 0)
  assert.equal(receiving.isCreditDue, true)
})

test('what the program does not take is no new credit', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  receiving.receive(256 * KIB)
  assert.equal(receiving.credit().limit, 256 * KIB)
})

test('a program cannot take more than has come', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  receiving.receive(10)
  receiving.consume(1_000_000, 0, 0)
  assert.equal(receiving.credit().limit, 256 * KIB + 10)
})

test('the window grows up to 4 MiB for a flow that is consumed fast, and falls when it rests', () => {
  const budget = new WindowBudget()
  const receiving = new Receiving(256 * KIB, budget)
  const window = stream(receiving, 64 << 20, 64_000, 10_000_000)
  assert.equal(window, 4 << 20)
  receiving.rest(20_000_000)
  const resting = stream(receiving, 8 << 20, 8_000_000, 20_000_000)
  assert.equal(resting, 256 * KIB)
})

test('the window stays where it is for a flow that is slower than it', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  assert.equal(stream(receiving, 16 << 20, 16_000_000, 10_000_000), 256 * KIB)
})

/** A sender that is `rttMicros` away, on a line of so many bytes a microsecond. @returns the window */
function streamFromAfar(receiving: Receiving, bytes: number, rttMicros: number, rate: number) {
  const told = [{ limit: receiving.credit().limit, at: 0 }]
  let now = 0
  for (let received = 16 * KIB; received <= bytes; received += 16 * KIB) {
    const allowed = told.find(({ limit }) => limit >= received)
    assert.ok(allowed, 'the sender is never stuck')
    now = Math.max(now + (16 * KIB) / rate, allowed.at + rttMicros)
    receiving.receive(16 * KIB)
    receiving.consume(16 * KIB, now, 1)
    if (receiving.isCreditDue) told.push({ limit: receiving.credit().limit, at: now })
  }
  const { received, limit } = receiving.credit()
  return limit - received
}

test('the window grows to what a long way holds, though this end of it is short', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  const [rttMicros, rate] = [200_000, 6]
  const window = streamFromAfar(receiving, 32 << 20, rttMicros, rate)
  assert.ok(window >= rttMicros * rate, `${window} of the ${rttMicros * rate} bytes that fit`)
  assert.ok(window <= 4 * rttMicros * rate, `${window} is more than it is good for`)
})

test('the window stays where it is for a sender that is slower than the way', () => {
  const receiving = new Receiving(256 * KIB, new WindowBudget())
  assert.equal(streamFromAfar(receiving, 16 << 20, 20_000, 1), 256 * KIB)
})

test('many flows share what there is, and every one keeps 16 KiB', () => {
  const budget = new WindowBudget()
  const flows = Array.from({ length: 512 }, () => new Receiving(16 * KIB, budget))
  assert.equal(budget.firstWindowBytes, 128 * KIB)
  for (let i = 0; i < 10_000; i++) flows.push(new Receiving(16 * KIB, budget))
  assert.equal(budget.firstWindowBytes, 16 * KIB)
  for (const flow of flows) flow.close()
  assert.equal(budget.firstWindowBytes, 256 * KIB)
})

test('thirty-two growing flows get a thirty-second each', () => {
  const budget = new WindowBudget()
  const flows = Array.from({ length: 32 }, () => new Receiving(256 * KIB, budget))
  for (const flow of flows) stream(flow, 4 << 20, 4_000, 10_000_000)
  for (const flow of flows) assert.equal(stream(flow, 64 << 20, 64_000, 20_000_000), 1 << 20)
})
