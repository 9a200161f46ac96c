import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { enrol } from '../../connector/enrol.ts'
import type { EdgeStatus } from '../../edge/control/status.ts'
import { markDemoStore } from '../../edge/store/deployment.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import { parseJoinToken } from '../../identity/join.ts'
import { silentLog } from '../../process/log.ts'
import { ALICE_READS, app } from './house/house.ts'
import { Peer } from './house/peer.ts'
import { until } from './house/until.ts'
import { WholeEdge } from './house/whole.ts'

const MAIN = path.resolve(import.meta.dirname, '../../cli/main.ts')

function start(args: readonly string[], stateDirectory: string): ChildProcess {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', BYNAME_STATE_DIR: stateDirectory }
  return spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function run(args: readonly string[], stateDirectory: string) {
  const child = start(args, stateDirectory)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const [code] = await once(child, 'close')
  return { code, stdout: await stdout, stderr: await stderr }
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += chunk
  return text
}

async function place(t: TestContext, settings: string) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-verbs-'))
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
  await writeFile(path.join(directory, 'policy.yaml'), ALICE_READS)
  const config = path.join(directory, 'edge.yaml')
  await writeFile(config, settings)
  return { directory, config }
}

const SETTINGS = 'listen: 127.0.0.1:0\nstate: .\npolicy: { file: policy.yaml }\n'

test('edge run serves until SIGTERM, reads its policy at SIGHUP, and its verbs find it', async (t) => {
  const { directory, config } = await place(t, SETTINGS)
  const edge = start(['edge', 'run', '--config', config], directory)
  t.after(() => void edge.kill('SIGKILL'))
  let log = ''
  edge.stderr?.on('data', (chunk) => {
    log += chunk
  })
  await until(() => log.includes('edge-ready'), 8000)
  const status = await run(['edge', 'status'], directory)
  assert.match(status.stdout, /^edge edge at https:\/\/127\.0\.0\.1:\d+, up \d s, ready\n/)
  assert.match(status.stdout, /policy: 1 rule of .*policy\.yaml\n/)
  assert.equal(status.code, 0)

  const token = await run(
    ['connector', 'token', 'hq', '--may-publish', '*.corp.internal', '--may-publish', 'a.b'],
    directory,
  )
  assert.match(token.stdout, /^byn_join_\S+\n$/, 'stdout is the token, to go into a file')
  assert.match(token.stderr, /usable once within 24 h, for \*\.corp\.internal, a\.b/)
  assert.match(parseJoinToken(token.stdout).edgeUrl, /^https:\/\/127\.0\.0\.1:\d+$/)

  await writeFile(path.join(directory, 'policy.yaml'), 'version: 1\nalow: {}\n')
  edge.kill('SIGHUP')
  await until(() => log.includes('policy-refused'))
  const refused = await run(['edge', 'status'], directory)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /policy\.yaml:2:1: "alow" is not a key/)

  edge.kill('SIGTERM')
  assert.deepEqual((await once(edge, 'exit'))[0], 0)
  const gone = await run(['flow', 'list'], directory)
  assert.equal(gone.code, 3)
  assert.match(gone.stderr, /the daemon cannot be reached/)
})

test('edge run refuses a store that a demo has used', async (t) => {
  const { directory, config } = await place(t, SETTINGS)
  const store = await openSqliteStore({ path: path.join(directory, 'edge.db') })
  await markDemoStore(store)
  await store.close()
  const { code, stderr } = await run(['edge', 'run', '--config', config], directory)
  assert.equal(code, 2)
  assert.match(
    stderr,
    /must not use the state of a demo\n {2}because .*\n {2}try: .*\n {2}\(ERR_DEMO_STORE/,
  )
})

test('edge run tells every wrong line of its settings, and where it looked for a missing file', async (t) => {
  const { directory, config } = await place(t, 'listen: 0.0.0.0:443\nzonez: [a.b]\n')
  const wrong = await run(['edge', 'run', '--config', config], directory)
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /edge\.yaml:1:9: nobody can dial/)
  assert.match(wrong.stderr, /edge\.yaml:2:1: "zonez" is not a key.*\n.*\n.*\^\n.*write "zones"/)
  const missing = await run(['edge', 'run', '--config', `${config}.not`], directory)
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /edge\.yaml\.not/)
})

test('flow list, flow watch, connector list and session list show people and programs the same', async (t) => {
  const edge = await WholeEdge.start(t)
  const state = path.join(edge.directory, 'state')
  const hq = await (await edge.enrol('hq', 'domain:corp.internal')).dial()
  hq.announce(app('wiki.corp.internal'))
  const alice = await (await edge.signIn('alice@example.com')).dial()
  const bob = await (await edge.signIn('bob@example.com')).dial()
  await alice.knows('wiki.corp.internal')
  const watch = start(['flow', 'watch', '--denied', '--json'], state)
  t.after(() => void watch.kill('SIGKILL'))
  let seen = ''
  watch.stdout?.on('data', (chunk) => {
    seen += chunk
  })
  // The watcher's process needs a moment to be there.
  await until(() => {
    bob.open('wiki.corp.internal')
    return seen.includes('\n')
  }, 8000)
  const [line = ''] = seen.split('\n')
  const row = JSON.parse(line)
  assert.deepEqual(
    [row.schema, row.who.label, row.state, row.code],
    [1, 'bob@example.com', 'refused', 'policy-denied'],
  )
  watch.kill('SIGINT')
  assert.equal((await once(watch, 'exit'))[0], 0)

  const flow = await alice.open('wiki.corp.internal').answered()
  flow.flow.end()
  await until(() => flow.hasEnded)
  const table = await run(['flow', 'list', '--who', 'alice'], state)
  assert.match(table.stdout, /^TIME +WHO +NAME +STATE/)
  assert.match(table.stdout, /alice@example\.com {2}wiki\.corp\.internal:80 {2}done/)
  const lines = (await run(['flow', 'list', '--json', '--limit', '2'], state)).stdout
  assert.equal(lines.trim().split('\n').length, 2)
  const connectors = await run(['connector', 'list'], state)
  assert.match(
    connectors.stdout,
    /hq +\S+ +up +1 +\d+ +domain:corp\.internal +wiki\.corp\.internal:80/,
  )
  const sessions = await run(['session', 'list', '--json'], state)
  assert.equal(JSON.parse(sessions.stdout).sessions.length, 2)
  const revoked = await run(['session', 'revoke', 'bob@example.com'], state)
  assert.deepEqual([revoked.code, revoked.stdout], [0, ''])
  assert.equal((await bob.closed).code, 'session-revoked')
  const nobody = await run(['connector', 'revoke', 'nobody'], state)
  assert.equal(nobody.code, 1)
  const token = await readFile(path.join(edge.directory, 'hq.token'), 'utf8').catch(() => '')
  assert.doesNotMatch(edge.stderr, new RegExp(token.trim() || 'byn_join_'))
})

test('two edges on one state directory: --edge names one, a drain is told in JSON lines, SIGTERM drains', async (t) => {
  const { directory, config } = await place(t, SETTINGS)
  const second = path.join(directory, 'b.yaml')
  await writeFile(second, `${SETTINGS}name: b\n`)
  const logs = ['', '']
  const edges = [config, second].map((file, at) => {
    const edge = start(['edge', 'run', '--config', file], directory)
    edge.stderr?.on('data', (chunk) => {
      logs[at] += chunk
    })
    t.after(() => void edge.kill('SIGKILL'))
    return { edge, ended: once(edge, 'exit') }
  })
  await until(() => logs.every((log) => log.includes('edge-ready')), 15_000)
  const named = await run(['edge', 'status', '--edge', 'b'], directory)
  assert.match(named.stdout, /^edge b at https/)
  assert.match(named.stdout, /\nkey agreement \(as peers report\): no tunnels\n/)
  assert.match(named.stdout, /\nedge edge at https:\/\/127.0.0.1:\d+: running\n/)
  const usual = await run(['edge', 'status'], directory)
  assert.match(usual.stdout, /^edge edge at https/)

  const drained = await run(['edge', 'drain', '--edge', 'b', '--deadline', '5s'], directory)
  assert.equal(drained.code, 0, drained.stderr)
  const lines = drained.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(lines.at(-1)?.state, 'drained')
  assert.deepEqual(lines[0]?.others, ['edge'])
  assert.deepEqual(await edges[1]?.ended, [0, null])

  const alone = await run(['edge', 'status', '--json'], directory)
  const { edges: known } = JSON.parse(alone.stdout) as EdgeStatus
  assert.deepEqual(
    known.map(({ name, state }) => [name, state]),
    [
      ['b', 'stopped'],
      ['edge', 'running'],
    ],
  )
  const begin = performance.now()
  edges[0]?.edge.kill('SIGTERM')
  assert.deepEqual(await edges[0]?.ended, [0, null])
  assert.ok(performance.now() - begin < 5000, 'there was nothing to wait for')
  assert.match(logs[0] ?? '', /"event":"edge-draining".*"event":"edge-drained"/s)
})

test('whoever asks a draining edge to stop again does not wait', async (t) => {
  const { directory, config } = await place(t, SETTINGS)
  const edge = start(['edge', 'run', '--config', config], directory)
  t.after(() => void edge.kill('SIGKILL'))
  let log = ''
  edge.stderr?.on('data', (chunk) => {
    log += chunk
  })
  const ended = once(edge, 'exit')
  await until(() => log.includes('edge-ready'), 15_000)
  const { stdout } = await run(['connector', 'token', 'hq', '--may-publish', 'a.b'], directory)
  const tokenFile = path.join(directory, 'hq.token')
  await writeFile(tokenFile, stdout)
  const options = { state: path.join(directory, 'hq'), tokenFile, log: silentLog }
  const rest = { edge: undefined, proxy: undefined, requirePostQuantum: false }
  const { connectorId, key, edgeUrl: url, caPem, deployment } = await enrol({ ...options, ...rest })
  const credential = { kind: 'connector', connectorId } as const
  const instance = `${connectorId}.1`
  const at = { url, caPem, deployment }
  const hq = await Peer.dial(at, { role: 'connector', credential, key, instance })
  edge.kill('SIGTERM')
  await until(() => hq.isDraining)
  edge.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  assert.match(log, /"event":"edge-draining"/)
  assert.doesNotMatch(log, /"event":"edge-drained"/)
})

test('with several edges and none named, a verb asks which', async (t) => {
  const { directory } = await place(t, SETTINGS)
  for (const name of ['a', 'b']) await writeFile(path.join(directory, `edge-${name}.sock`), '')
  const { code, stderr } = await run(['edge', 'status'], directory)
  assert.equal(code, 2)
  assert.match(stderr, /several edges are here: a, b\n.*--edge a/)
  const gone = await run(['edge', 'status', '--edge', 'c'], directory)
  assert.equal(gone.code, 3)
})

const SLIPS: [readonly string[], RegExp][] = [
  [
    ['connector', 'token', 'hq', '--may-publish', 'a.b', '--expires', '3y'],
    /--expires 3y is no time/,
  ],
  [['connector', 'token', 'hq', '--may-publish', 'a.b', '--uses', '0'], /--uses 0 is no count/],
  [['connector', 'token', 'hq'], /required option '--may-publish/],
  [['flow', 'list', '--limit', 'many'], /--limit many is no count/],
  [['flow', 'list', '--since', 'ever'], /--since ever is no time/],
  [['edge', 'drain', '--deadline', 'soon'], /--deadline soon is no time/],
  [['flow', 'lst'], /unknown command 'lst'/],
]
for (const [args, expected] of SLIPS) {
  test(`byname ${args.join(' ')} is a slip: exit code 2 and a sentence`, async () => {
    const { code, stderr } = await run(args, '/nonexistent')
    assert.match(stderr, expected)
    assert.equal(code, 2)
  })
}
