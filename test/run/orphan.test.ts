import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { describe, test } from 'node:test'
import { serveHttp } from './origin.ts'
import { ordinaryUser, outcomeOf, saying, scratch, start } from './start.ts'

const user = ordinaryUser()

function linkOf(file: string): string[] {
  try {
    return [readlinkSync(file)]
  } catch {
    return []
  }
}

const state = (...words: string[]) => spawnSync('ip', words, { encoding: 'utf8' }).stdout

describe('when byname is gone', () => {
  test('the program lives on and reaches nothing: neither names nor the host', async () => {
    const host = await serveHttp('host')
    const script = [
      'echo $$ ready',
      'read go',
      `curl -s -m 5 http://127.0.0.1:${host.port}/; echo $?`,
      `curl -s -m 5 http://192.0.2.1:${host.port}/; echo $?`,
      'curl -s -m 5 http://wiki.corp.internal/; echo $?',
      'echo over',
    ].join('; ')
    const names = { 'wiki.corp.internal': host.port }
    const child = start(user, ['sh', '-c', script], { names })
    const outcome = outcomeOf(child)
    await saying(child, 'ready')
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    child.stdin?.write('go\n')
    const { stdout } = await outcome
    host.close()
    assert.deepEqual(stdout.trim().split('\n').slice(1), ['7', '7', '6', 'over'])
  })

  test('nothing is left on the host: no process, no route, no rule, no file', async () => {
    const files = readdirSync(scratch).filter((name) => name !== 'cache')
    const child = start(user, ['sh', '-c', 'echo $$; echo ready; exec sleep 30'])
    const outcome = outcomeOf(child)
    const pid = Number.parseInt(await saying(child, 'ready'), 10)
    const [inside = ''] = linkOf(`/proc/${pid}/ns/net`)
    assert.notEqual(inside, readlinkSync('/proc/self/ns/net'))
    child.kill('SIGTERM')
    await outcome
    // A namespace lives for as long as a process is in it or a mount holds it.
    assert.deepEqual(linkOf(`/proc/${pid}/ns/net`), [])
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(inside))
    assert.doesNotMatch(state('route', 'show', 'table', 'all'), /local default|198\.19\./)
    assert.doesNotMatch(state('-6', 'route', 'show', 'table', 'all'), /local default|2001:2:/)
    assert.deepEqual(
      readdirSync(scratch).filter((name) => name !== 'cache'),
      files,
    )
  })

  test('killed before the program has begun, it leaves no process behind', async () => {
    for (const delayMs of [40, 90, 160]) {
      const child = start(user, ['true'])
      const outcome = outcomeOf(child)
      await pause(delayMs)
      child.kill('SIGKILL')
      // Standard output ends only when nobody holds it any more.
      await outcome
      assert.deepEqual(insidesOf(child.pid ?? 0), [])
    }
  })
})

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Processes that would become the program of this byname. */
function insidesOf(parentPid: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`"parentPid":${parentPid}}`)
    } catch {
      return false
    }
  })
}
