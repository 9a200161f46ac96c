import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { ordinaryUser, outcomeOf, runInside, saying, scratch, start } from './start.ts'

const user = ordinaryUser()
const sh = (script: string) => ['sh', '-c', script]

describe('the exit of the program is the exit of byname', { concurrency: 2 }, () => {
  test('its code', async () => {
    for (const code of [0, 1, 42, 255]) {
      assert.equal((await runInside(user, sh(`exit ${code}`))).code, code)
    }
  })

  test('127 for a program that is not there, 126 for one that cannot run', async () => {
    const missing = await runInside(user, ['no-such-program'])
    assert.equal(missing.code, 127)
    assert.equal(missing.stderr, 'byname: no-such-program: command not found\n')
    const data = await runInside(user, ['/etc/passwd'])
    assert.equal(data.code, 126)
    assert.match(data.stderr, /^byname: \/etc\/passwd: cannot execute: EACCES\n$/)
  })

  test('a script without #! runs in a shell, as from a shell', async () => {
    const script = path.join(mkdtempSync(path.join(scratch, 'script-')), 'bare')
    writeFileSync(script, 'exit 7\n')
    chmodSync(script, 0o755)
    chmodSync(path.dirname(script), 0o755)
    assert.equal((await runInside(user, [script])).code, 7)
  })

  test('the signal that ended it', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGPIPE', 'SIGUSR1'] as const) {
      const outcome = await runInside(user, sh(`kill -${signal.slice(3)} $$`))
      assert.deepEqual([outcome.code, outcome.signal], [null, signal])
    }
  })
})

describe('a signal to byname is a signal to the program', { concurrency: 2 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    test(signal, async () => {
      const trap = `trap 'echo got; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`
      const child = start(user, sh(trap))
      const outcome = outcomeOf(child)
      await saying(child, 'ready')
      // setpriv execs, so the child is byname itself.
      child.kill(signal)
      const { code, stdout } = await outcome
      assert.deepEqual([code, stdout], [9, 'ready\ngot\n'])
    })
  }

  test('one that the program does not catch ends both by that signal', async () => {
    const child = start(user, sh('echo ready; exec sleep 30'))
    const outcome = outcomeOf(child)
    await saying(child, 'ready')
    child.kill('SIGTERM')
    assert.equal((await outcome).signal, 'SIGTERM')
  })

  test('before the program has begun it ends byname, and the program never begins', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = start(user, sh('echo begun'), { env: { DRIVER_WORLD: 'never' } })
      const outcome = outcomeOf(child)
      await new Promise((done) => setTimeout(done, 600))
      child.kill(signal)
      const { stdout, ...ending } = await outcome
      assert.deepEqual([ending.signal, stdout], [signal, ''])
    }
  })
})

test('when there is no way to the edge the program does not begin, and nothing hangs', async () => {
  const { code, stdout, stderr } = await runInside(user, sh('echo begun'), {
    env: { DRIVER_WORLD: 'refuses' },
  })
  assert.deepEqual([code, stdout], [4, ''])
  assert.match(stderr, /^byname: no such profile\n/)
})
