/** Costs about 25 s: eight edge processes are started, and silence is doubted after 4 s. */
import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { OpenedInfo, Refusal } from '../../client/flow.ts'
import { FlowStream } from '../../client/flow-stream.ts'
import { readProfile } from '../../client/profile.ts'
import { openWay, type Way } from '../../client/way.ts'
import { type RunningConnector, runConnector } from '../../connector/main.ts'
import { readSettings } from '../../connector/settings-file.ts'
import { parseHostname } from '../../names/hostname.ts'
import { followControl } from '../../process/control.ts'
import { silentLog as log } from '../../process/log.ts'
import { WholeEdge } from '../edge/house/whole.ts'
import { until } from './until.ts'

const CHUNK = Buffer.alloc(64 * 1024, 'byname flows on ')
const CHUNKS = 384
const ECHO = {
  name: parseHostname('echo.corp.internal'),
  port: 7,
  protocol: 'tcp',
  onRamp: 'run',
} as const
const POLICY = `version: 1
allow:
  all: { who: alice@example.com, to: "domain:corp.internal", ports: all }
`

/**
 * Two edges in processes of their own on one state directory, a client and a connector in this one.
 * The second edge comes last: the others hear of it from the first.
 */
async function house(t: TestContext) {
  const first = await WholeEdge.start(t, POLICY, 'zones: [corp.internal]\n')
  const origin = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.after(() => origin.close())
  await first.signIn('alice@example.com')
  const connector = await startConnector(t, first, (origin.address() as net.AddressInfo).port)
  const profile = await readProfile(path.join(first.directory, 'profiles', 'alice@example.com'))
  const way = await openWay(profile, { log, clock: Date.now })
  t.after(() => way.close())
  await until(() => way.status().tunnel === 'open')
  const edges = [first, await first.beside(t, 'other')]
  await until(() => edgesOf(connector).size === 2)
  const edgeOf = (url: string) => edges.find(({ ready }) => ready.url === url) as WholeEdge
  return { edges, edgeOf, connector, way }
}

async function startConnector(t: TestContext, edge: WholeEdge, port: number) {
  const grant = { name: 'hq', mayPublish: ['domain:corp.internal'] }
  const { token } = await edge.call<{ token: string }>('connector.token', grant)
  const at = (name: string) => path.join(edge.directory, name)
  await writeFile(at('token'), token)
  const app = `{ host: echo.corp.internal, to: "127.0.0.1:${port}", ports: [7] }`
  await writeFile(at('connector.yaml'), `state: hq\ntoken-file: token\napps:\n  - ${app}\n`)
  const settings = readSettings(at('connector.yaml'))
  const connector = await runConnector(settings, { log, env: {}, version: 'test' })
  t.after(() => connector.close(0))
  return connector
}

const edgesOf = ({ status }: RunningConnector) =>
  new Set(status.tunnels.filter(({ state }) => state === 'open').map(({ edge }) => edge))

/** Sends all chunks and reads them back, as a program would; `sent` and `read` are byte counts. */
function transfer(way: Way) {
  const stream = new FlowStream((handlers) => way.open(ECHO, handlers))
  const progress = { read: 0, isOver: false }
  const [sent, got]: [Hash, Hash] = [createHash('sha256'), createHash('sha256')]
  const send = async () => {
    for (let at = 0; at < CHUNKS; at++) {
      const chunk = Buffer.from(CHUNK)
      chunk.writeUInt32BE(at)
      sent.update(chunk)
      if (!stream.write(chunk)) await once(stream, 'drain')
    }
    stream.end()
  }
  const receive = async () => {
    for await (const chunk of stream) {
      got.update(chunk)
      progress.read += chunk.length
    }
    progress.isOver = true
  }
  const done = Promise.all([send(), receive()]).then(() => {
    assert.equal(progress.read, CHUNKS * CHUNK.length)
    assert.equal(got.digest('hex'), sent.digest('hex'))
  })
  return { progress, done, share: () => progress.read / (CHUNKS * CHUNK.length) }
}

async function openIdle(way: Way): Promise<FlowStream> {
  const stream = new FlowStream((handlers) => way.open(ECHO, handlers))
  stream.write('hello')
  const [answer] = await once(stream, 'data')
  assert.equal(String(answer), 'hello')
  return stream
}

async function drained(edge: WholeEdge): Promise<void> {
  const { ended } = edge
  for await (const _ of followControl(edge.ready.controlPath, 'edge.drain', {
    deadlineMs: 20_000,
  })) {
  }
  assert.equal(await ended, 0, edge.stderr)
}

const ask = (way: Way): Promise<OpenedInfo | Refusal> =>
  new Promise((resolve) => {
    const settle = (answer: OpenedInfo | Refusal) => {
      flow.reset('cancelled')
      resolve(answer)
    }
    const quiet = { data() {}, ended() {}, drained() {} }
    const reset = (end: { code: Refusal['code']; reason: string }) => settle({ ...end, facts: {} })
    const flow = way.open(ECHO, { ...quiet, opened: settle, refused: settle, reset })
  })

test('the edge that carries a client is killed: its flows go on through the other, byte for byte', async (t) => {
  const { edgeOf, way, connector } = await house(t)
  const flows = [transfer(way), transfer(way)]
  await until(() => flows.every(({ share }) => share() > 0.3))
  const before = way.status().edgeUrl
  const killed = edgeOf(before).end('SIGKILL')
  await killed
  assert.ok(
    flows.some(({ share }) => share() < 0.7),
    'it was killed in the midst of it',
  )
  await Promise.all(flows.map(({ done }) => done))
  assert.notEqual(way.status().edgeUrl, before)
  assert.equal(way.status().detached, 0)
  await until(() => connector.status.flows === 0)
  assert.equal(connector.status.detached, 0)
})

test('an edge that hangs is doubted by both ends: flows go on through the other', async (t) => {
  const { edgeOf, way, connector } = await house(t)
  const flow = transfer(way)
  await until(() => flow.share() > 0.3)
  const before = way.status().edgeUrl
  const hung = edgeOf(before)
  process.kill(hung.pid ?? 0, 'SIGSTOP')
  const at = flow.share()
  assert.ok(at < 0.7, `${at}`)
  await flow.done
  const states = way.status().tunnels.map(({ edgeUrl, state }) => [edgeUrl === before, state])
  assert.deepEqual(states.at(-1), [false, 'open'])
  assert.equal(edgesOf(connector).has(before), false)
  process.kill(hung.pid ?? 0, 'SIGCONT')
  await until(() => edgesOf(connector).size === 2)
})

test('a rolling restart refuses no new flow and cuts none that goes on', async (t) => {
  const { edges, way, connector } = await house(t)
  const idle = await openIdle(way)
  let isOver = false
  const answers: (OpenedInfo | Refusal)[] = []
  const load = (async () => {
    while (!isOver) {
      answers.push(await ask(way))
      await pause(5)
    }
  })()
  t.after(() => {
    isOver = true
  })
  for (const edge of edges) {
    await drained(edge)
    await edge.restart(t)
    await until(() => edgesOf(connector).size === 2)
  }
  isOver = true
  await load
  const refused = answers.filter((answer) => 'code' in answer)
  assert.deepEqual(refused, [])
  assert.ok(answers.length > 20, `${answers.length}`)
  idle.write('still there')
  const [answer] = await once(idle, 'data')
  assert.equal(String(answer), 'still there')
  idle.destroy()
})

test('one edge only, killed and started again: what waited goes on', async (t) => {
  const { edges, edgeOf, way } = await house(t)
  const other = edges.find(({ ready }) => ready.url !== way.status().edgeUrl)
  await other?.end('SIGKILL')
  const flow = transfer(way)
  await until(() => flow.share() > 0.3)
  const edge = edgeOf(way.status().edgeUrl)
  await edge.end('SIGKILL')
  await until(() => way.status().detached === 1)
  assert.ok(flow.share() < 0.7)
  await pause(1_000)
  await edge.restart(t)
  await flow.done
})
