import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')

describe('the demo that npm start runs', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'byname-demo-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  test('with --check it does the job, ends with 0 and leaves nothing running', async () => {
    const demo = startDemo(home, ['--check'])
    const { code, text } = await demo.ended
    assert.equal(code, 0, text)
    assert.match(text, /everything came out as it must/)
    assert.match(text, /may not reach wiki\.corp\.internal:80: no rule allows it/)
    assert.match(text, /NXDOMAIN/)
    assert.match(text, /rule {8}staff-read-the-wiki, \d+ µs at the gate/)
    assert.deepEqual(processesOf(home), [])
  })

  test('Ctrl-C ends it, and no process and no socket stays', async () => {
    const demo = startDemo(home, [])
    await demo.says('Ctrl-C ends everything')
    assert.ok(processesOf(home).length >= 3, 'the processes of the demo can be seen')
    demo.child.kill('SIGINT')
    const { code, text } = await demo.ended
    assert.equal(code, 0, text)
    assert.deepEqual(processesOf(home), [])
    assert.deepEqual(socketsBelow(home), [])
  })

  test('killed outright, its processes end by themselves', async () => {
    const demo = startDemo(home, [])
    await demo.says('Ctrl-C ends everything')
    demo.child.kill('SIGKILL')
    await demo.ended
    for (let tries = 0; tries < 60 && processesOf(home).length > 0; tries++) await pause(100)
    assert.deepEqual(processesOf(home), [])
  })
})

function startDemo(home: string, args: readonly string[]) {
  const command = ['--disable-warning=ExperimentalWarning', path.join(root, 'cli/main.ts'), 'demo']
  const env = { ...process.env, BYNAME_HOME: home }
  const child: ChildProcess = spawn(process.execPath, [...command, ...args], { env })
  let text = ''
  const heard = (chunk: Buffer) => {
    text += chunk
  }
  child.stdout?.on('data', heard)
  child.stderr?.on('data', heard)
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.on('exit', (code) => resolve({ code, text })),
  )
  return {
    child,
    ended,
    async says(wanted: string): Promise<void> {
      for (let tries = 0; tries < 600 && !text.includes(wanted); tries++) await pause(50)
      assert.ok(text.includes(wanted), text)
    },
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The command lines that name something below `home`. */
function processesOf(home: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(commandLine).filter((line) => line.includes(home))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

const socketsBelow = (home: string) =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSocket())
    .map((entry) => entry.name)
