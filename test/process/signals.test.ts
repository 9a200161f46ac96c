import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { onReload, onShutdown, onStopAsked } from '../../process/signals.ts'

class Source extends EventEmitter {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the first signal runs the handler and ends with its number when it is done', async () => {
  const source = new Source()
  const drained = Promise.withResolvers<number>()
  const seen: string[] = []
  onShutdown((signal) => {
    seen.push(signal)
    return drained.promise
  }, source)
  source.emit('SIGTERM')
  await settled()
  assert.deepEqual(source.exits, [])
  drained.resolve(4)
  await settled()
  assert.deepEqual(seen, ['SIGTERM'])
  assert.deepEqual(source.exits, [4])
})

test('a second signal does not wait for the first', async () => {
  const source = new Source()
  onShutdown(() => new Promise(() => undefined), source)
  source.emit('SIGTERM')
  source.emit('SIGINT')
  await settled()
  assert.deepEqual(source.exits, [130])
})

test('a handler that throws ends the process as the signal would have', async () => {
  const source = new Source()
  onShutdown(() => {
    throw new Error('x')
  }, source)
  source.emit('SIGTERM')
  await settled()
  assert.deepEqual(source.exits, [143])
})

test('no number is 0, and the listeners come off', async () => {
  const source = new Source()
  const off = onShutdown(() => undefined, source)
  source.emit('SIGINT')
  await settled()
  assert.deepEqual(source.exits, [0])
  off()
  assert.equal(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM'), 0)
})

test('each SIGHUP reloads', () => {
  const source = new Source()
  let reloads = 0
  const off = onReload(() => reloads++, source)
  source.emit('SIGHUP')
  source.emit('SIGHUP')
  off()
  source.emit('SIGHUP')
  assert.equal(reloads, 2)
})

test('to be asked to stop is heard once; the next signal is left to whoever listens then', async () => {
  const source = new Source()
  let asked = 0
  onStopAsked(() => {
    asked++
    onShutdown(() => 7, source)
  }, source)
  source.emit('SIGTERM')
  await settled()
  assert.deepEqual([asked, source.exits], [1, []])
  source.emit('SIGINT')
  await settled()
  assert.deepEqual([asked, source.exits], [1, [7]])
})
