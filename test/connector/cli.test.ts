import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { HandEdge, until } from './edge.ts'

const MAIN = path.join(import.meta.dirname, '../../cli/main.ts')

let origin: net.Server
let port = 0
let directory = ''
let edge: HandEdge
const children = new Set<ChildProcess>()

before(async () => {
  origin = net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket))
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
})
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-cli-'))
  edge = await HandEdge.start()
  writeFileSync(path.join(directory, 'token'), edge.token)
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await edge.kill()
  rmSync(directory, { recursive: true, force: true })
})
after(() => origin.close())

interface Started {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

function byname(...args: string[]): Started {
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    BYNAME_STATE_DIR: path.join(directory, 'state'),
  }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    env,
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout,
    stderr,
  }))
  return { child, said: () => stderr, ended }
}

test('publish serves one app until Ctrl-C, and needs the token only once', async () => {
  const to = `http://localhost:${port}`
  const first = byname('publish', 'wiki.corp.internal', to, '--token-file', 'token')
  await until(() => first.said().includes('is published on 80 and'))
  assert.equal(existsSync(path.join(directory, 'token')), false)
  const far = await until(() => [...edge.tunnels].find(({ announced }) => announced.length > 0))
  const heard = await new Promise<string>((resolve) => {
    const flow = edge.open(far, 'wiki.corp.internal', 80, {
      data: (chunk) => resolve(String(Buffer.from(chunk))),
    })
    flow.write(Buffer.from('hello'))
    flow.end()
  })
  assert.equal(heard, 'hello')
  first.child.kill('SIGINT')
  assert.equal((await first.ended).code, 0)
  assert.equal(edge.tunnels.size, 0)
  const second = byname('publish', 'wiki.corp.internal', to)
  await until(() => second.said().includes('is published'))
  second.child.kill('SIGTERM')
  assert.equal((await second.ended).code, 0)
})

test('publish of a name outside the grant ends with the reason', async () => {
  const { ended } = byname('publish', 'other.example', 'localhost:1', '--token-file', 'token')
  const { code, stderr } = await ended
  assert.equal(code, 1)
  assert.match(stderr, /other\.example may not be published by hq[\s\S]*ERR_NOT_GRANTED/)
})

const WRONG: [string[], RegExp][] = [
  [['publish', 'a..b', 'x:80'], /ERR_PUBLISH_HOST/],
  [['publish', 'a.b', 'ftp://x'], /ERR_PUBLISH_TO/],
  [['publish', 'a.b', 'x'], /ERR_PUBLISH_PORTS/],
  [['publish', 'a.b', 'x:80', '--port', '0'], /--port 0/],
  [['publish', 'a.b', 'x:80'], /ERR_NOT_ENROLLED/],
  [['connector', 'run', '--config', 'none.yaml'], /ERR_CONFIG_NOT_FOUND/],
  [['connector', 'run', '--bogus'], /unknown option/],
]
for (const [args, message] of WRONG) {
  test(`byname ${args.join(' ')} ends with 2 and says ${message}`, async () => {
    const { code, stderr } = await byname(...args).ended
    assert.match(stderr, message)
    assert.equal(code, 2)
  })
}

test('a settings file that is refused shows the line with a caret', async () => {
  writeFileSync(path.join(directory, 'c.yaml'), 'apps:\n  - { host: a.b, prots: [80], ports: 1 }\n')
  const { code, stderr } = await byname('connector', 'run', '--config', 'c.yaml').ended
  assert.equal(code, 2)
  assert.match(stderr, /c\.yaml:2:18: "prots" is not a key of an app\n.*\n.*\^/)
})

test('run, status and stop', async () => {
  const text = `token-file: token\napps: [{ host: wiki.corp.internal, to: "127.0.0.1:${port}", ports: [80] }]\n`
  writeFileSync(path.join(directory, 'connector.yaml'), text)
  const running = byname('connector', 'run', '--config', 'connector.yaml')
  await until(() => edge.tunnels.size === 2)
  const shown = await byname('connector', 'status').ended
  assert.equal(shown.code, 0)
  assert.match(shown.stdout, /^connector hq of d, up \d+ s, 0 flows$/m)
  assert.match(shown.stdout, /^wiki\.corp\.internal\s+80\s+127\.0\.0\.1:\d+\s+ok$/m)
  const json = await byname('connector', 'status', '--json', '--config', 'connector.yaml').ended
  assert.equal(JSON.parse(json.stdout).schema, 1)
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.ended
  assert.equal(code, 0)
  for (const line of stderr.trim().split('\n')) JSON.parse(line)
  assert.equal((await byname('connector', 'status').ended).code, 3)
})

test('a revoked connector ends with 4 and says what to do', async () => {
  const text = `token-file: token\napps: [{ host: wiki.corp.internal, to: "127.0.0.1:${port}", ports: [80] }]\n`
  writeFileSync(path.join(directory, 'connector.yaml'), text)
  const running = byname('connector', 'run', '--config', 'connector.yaml')
  const far = await until(() => [...edge.tunnels][0])
  edge.refusal = { kind: 'refused', code: 'connector-revoked', reason: 'by an admin' }
  far.endpoint.close('connector-revoked', 'by an admin')
  const { code, stderr } = await running.ended
  assert.equal(code, 4)
  assert.match(
    stderr,
    /revoked this connector\n.*by an admin\n.*connector token[\s\S]*ERR_CONNECTOR_REVOKED/,
  )
})
