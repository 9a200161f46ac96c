/** OPEN, RESET and RESUME without end, at a real edge. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resumeFrame } from '../../tunnel/frames/resume.ts'
import { resetFrame } from '../../tunnel/frames/write.ts'
import { open, times } from './stage/frames.ts'
import { Stage } from './stage/stage.ts'
import { messagesOf } from './stage/ws.ts'

const resume = (stream: number) =>
  resumeFrame(stream, {
    flowId: stream.toString(16).padStart(32, '0'),
    attempt: 2,
    received: 0,
    limit: 262_144,
    hasFin: false,
    name: 'wiki.corp.internal',
    port: 80,
    protocol: 'tcp',
    instance: 'hq.1',
    context: new TextEncoder().encode('{"onRamp":"run"}'),
  })

test('floods of flows close their own tunnel, and slow nobody else', async (t) => {
  const stage = await Stage.set(t)

  await t.test('OPEN of a name that is nobody’s', async (t) => {
    const opens = times(60_000, (i) => open(i + 1, 'nobody.corp.internal'))
    const seen = await stage.attack(t, { flood: messagesOf(opens), times: 1 })
    stage.assertUnharmed(seen, 160)
    assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
  })

  await t.test('OPEN and RESET of the same stream', async (t) => {
    const pairs = times(30_000, (i) => [
      open(i + 1, 'nobody.corp.internal'),
      resetFrame(i + 1, 'cancelled', ''),
    ])
    const seen = await stage.attack(t, { flood: messagesOf(pairs.flat()), times: 1 })
    stage.assertUnharmed(seen, 160)
    assert.ok(seen.closed.every(({ code }) => code === 'rate-limited'))
  })

  await t.test('RESUME of guessed ids', async (t) => {
    const resumes = times(80_000, (i) => resume(i + 1))
    const seen = await stage.attack(t, { flood: messagesOf(resumes), times: 1 })
    stage.assertUnharmed(seen, 160)
  })
})
