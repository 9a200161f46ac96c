import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { keepWaiting, LINGER } from '../../client/run/linger.ts'
import { ordinaryUser, runInside } from './start.ts'

const user = ordinaryUser()

describe('what the program wrote last', () => {
  test('arrives although the program is gone, at a slow reader too', async () => {
    const hash = createHash('sha256')
    let bytes = 0
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        hash.update(chunk)
        bytes += chunk.length
        socket.pause()
        setTimeout(() => socket.resume(), 2)
      })
      socket.on('end', () => resolve())
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const script = `
import socket
s = socket.create_connection(("app.corp.internal", 5000))
s.sendall(b"0123456789abcdef" * 65536 * 3)`
    await runInside(user, ['python3', '-c', script], { names: { 'app.corp.internal': port } })
    await over
    server.close()
    assert.equal(bytes, 3 * 1024 * 1024)
    const whole = createHash('sha256').update('0123456789abcdef'.repeat(65_536 * 3))
    assert.equal(hash.digest('hex'), whole.digest('hex'))
  })

  test('a connection that somebody else holds open delays the end for a moment only', async () => {
    const server = createServer(() => {})
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 3 >/dev/null 2>&1 & echo gone`
    const startedAt = Date.now()
    const { stdout } = await runInside(user, ['bash', '-c', script])
    server.close()
    assert.equal(stdout, 'gone\n')
    assert.ok(Date.now() - startedAt < 2500)
  })

  test('is waited for while it moves, and not for ever', () => {
    const none = { open: 0, ending: 0, bytesFromProgram: 5 }
    const held = { open: 1, ending: 0, bytesFromProgram: 5 }
    const ending = { open: 1, ending: 1, bytesFromProgram: 5 }
    const cases = [
      [none, 0, 0, false],
      [held, LINGER.heldMs - 1, 1000, true],
      [held, LINGER.heldMs, 1000, false],
      [ending, LINGER.endingMs - 1, 5000, true],
      [ending, LINGER.endingMs, 5000, false],
      [ending, 0, LINGER.mostMs, false],
    ] as const
    for (const [remaining, stillSinceMs, sinceEndMs, waits] of cases) {
      assert.equal(keepWaiting(remaining, { stillSinceMs, sinceEndMs }), waits)
    }
  })
})
