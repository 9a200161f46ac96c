import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { type RunningConnector, type RunOptions, runConnector } from '../../connector/main.ts'
import { readSettings } from '../../connector/settings-file.ts'
import type { ConnectorStatus } from '../../connector/status.ts'
import { callControl } from '../../process/control.ts'
import { silentLog as log } from '../../process/log.ts'
import { HandEdge, until } from './edge.ts'

let origin: net.Server
let port = 0
let directory = ''
let edge: HandEdge
let connector: RunningConnector | undefined

before(async () => {
  origin = net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket))
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
})
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-connector-'))
  edge = await HandEdge.start()
})
afterEach(async () => {
  await connector?.close(0)
  connector = undefined
  await edge.kill()
  rmSync(directory, { recursive: true, force: true })
})
after(() => origin.close())

const file = () => path.join(directory, 'connector.yaml')

function write(apps: string, rest = ''): void {
  writeFileSync(file(), `state: state\ntoken-file: token\n${rest}\napps:\n${apps}\n`)
}

const WIKI = () => `  - { host: wiki.corp.internal, to: "127.0.0.1:${port}", ports: [80] }`

async function run(
  apps = WIKI(),
  rest = '',
  more: Partial<RunOptions> = {},
): Promise<RunningConnector> {
  writeFileSync(path.join(directory, 'token'), edge.token)
  write(apps, rest)
  const options = { log, env: {}, version: 'test', file: file(), random: () => 0.1, ...more }
  connector = await runConnector(readSettings(file()), options)
  return connector
}

const socketPath = () => path.join(directory, 'state/connector.sock')

test('enrolled, two tunnels up, announced with its health, and a flow goes through to the origin', async () => {
  const running = await run()
  await until(() => edge.tunnels.size === 2)
  const [far] = edge.tunnels
  assert.ok(far)
  const announced = await until(() => far.announced[0])
  assert.deepEqual(announced.apps, [
    {
      pattern: 'wiki.corp.internal',
      ports: [{ from: 80, to: 80, protocol: 'tcp' }],
      fixedTo: true,
      health: 'ok',
    },
  ])
  const instances = new Set([...edge.tunnels].map(({ instance }) => instance))
  assert.equal(instances.size, 1, 'one process, one instance')
  assert.match([...instances][0] ?? '', /^c-1\.[0-9a-f]{16}$/)
  const echoed = await new Promise<string>((resolve) => {
    const flow = edge.open(far, 'wiki.corp.internal', 80, {
      opened: ({ instance }) => assert.ok(instances.has(instance)),
      data: (chunk) => resolve(String(Buffer.from(chunk))),
    })
    flow.write(Buffer.from('hello'))
  })
  assert.equal(echoed, 'hello')
  assert.equal(running.isReady, true)
})

test('status over the control socket says what is, and the socket is gone afterwards', async () => {
  const running = await run(
    `${WIKI()}\n  - { host: other.example, to: "127.0.0.1:1", ports: [80] }`,
  )
  await until(() => edge.tunnels.size === 2)
  const status = (await callControl(socketPath(), 'status')) as ConnectorStatus
  assert.deepEqual(
    [status.schema, status.name, status.connectorId, status.version],
    [1, 'hq', 'c-1', 'test'],
  )
  assert.deepEqual(
    status.tunnels.map(({ state, exporterMatched }) => [state, exporterMatched]),
    [
      ['open', true],
      ['open', true],
    ],
  )
  assert.match(status.tunnels[0]?.keyAgreement ?? '', /X25519/)
  assert.deepEqual(
    status.apps.map(({ host, granted, health }) => [host, granted, health]),
    [
      ['wiki.corp.internal', true, 'ok'],
      ['other.example', false, 'failing'],
    ],
  )
  await running.close(0)
  await assert.rejects(callControl(socketPath(), 'status'), { code: 'ERR_CONTROL_UNREACHABLE' })
})

test('a second connector on the same state is refused and the first goes on', async () => {
  await run()
  const second = runConnector(readSettings(file()), { log, env: {}, version: 'test' })
  await assert.rejects(second, { code: 'ERR_CONTROL_IN_USE' })
  await until(() => edge.tunnels.size === 2)
})

test('a notice of the edge is kept for the admin', async () => {
  const running = await run()
  const far = await until(() => [...edge.tunnels][0])
  const text = 'wiki.corp.internal is not granted to hq'
  far.endpoint.send({ kind: 'notice', level: 'warning', code: 'not-granted', text, facts: {} })
  await until(() => running.status.notices.some((notice) => notice.text === text))
})

test('RESOLVE is answered over the tunnel it came by', async () => {
  await run()
  const far = await until(() => [...edge.tunnels][0])
  far.endpoint.send({ kind: 'resolve', id: 5, name: 'wiki.corp.internal', type: 'A' })
  far.endpoint.send({ kind: 'resolve', id: 6, name: 'other.corp.internal', type: 'A' })
  const answers = await until(() => {
    const resolved = far.said.filter((message) => message.kind === 'resolved')
    return resolved.length === 2 && resolved
  })
  const byId = Object.fromEntries(answers.map(({ id, answer }) => [id, answer]))
  assert.deepEqual(byId, { 5: 'exists', 6: 'refused' })
})

test('the settings file is followed; a bad one is refused and what was in force stays', async () => {
  const running = await run()
  const far = await until(() => [...edge.tunnels][0])
  await until(() => far.announced.length > 0)
  write(`${WIKI()}\n  - { host: new.corp.internal, to: "127.0.0.1:${port}", ports: [81] }`)
  running.reload()
  const next = await until(() => far.announced.find(({ apps }) => apps.length === 2))
  assert.equal(next.apps[1]?.pattern, 'new.corp.internal')
  write('  - { hots: x }')
  running.reload()
  assert.match(running.status.settingsProblem ?? '', /"hots" is not a key/)
  assert.equal(running.status.apps.length, 2)
  write(WIKI())
  running.reload()
  assert.equal(running.status.settingsProblem, undefined)
  await until(() => far.announced.at(-1)?.apps.length === 1)
})

test('the file is looked at without being told', async () => {
  const running = await run()
  write(`${WIKI()}\n  - { host: new.corp.internal, to: "127.0.0.1:${port}", ports: [81] }`)
  await until(() => running.status.apps.length === 2)
})

test('a killed edge that comes back is found again, and serves flows', async () => {
  await run()
  await until(() => edge.tunnels.size === 2)
  const { port: where, certificates } = edge
  await edge.kill()
  await until(() => connector?.isReady === false)
  const back = await HandEdge.start(where, certificates)
  back.remember(edge)
  edge = back
  const far = await until(() => [...edge.tunnels][0])
  await new Promise<void>((resolve) =>
    edge.open(far, 'wiki.corp.internal', 80, { opened: () => resolve() }),
  )
})

test('an edge that drains gets its successor while its flows go on', async () => {
  await run()
  await until(() => edge.tunnels.size === 2)
  const [far] = edge.tunnels
  assert.ok(far)
  const heard: string[] = []
  const flow = await new Promise<ReturnType<HandEdge['open']>>((resolve) => {
    const opened = edge.open(far, 'wiki.corp.internal', 80, {
      opened: () => resolve(opened),
      data: (chunk) => heard.push(String(Buffer.from(chunk))),
    })
  })
  far.endpoint.goAway('draining')
  await until(() => edge.seen.length === 3)
  flow.write(Buffer.from('still here'))
  await until(() => heard.join('') === 'still here')
})

test('a revoked connector says so', async () => {
  const running = await run()
  const far = await until(() => [...edge.tunnels][0])
  edge.refusal = { kind: 'refused', code: 'connector-revoked', reason: 'by an admin' }
  far.endpoint.close('connector-revoked', 'by an admin')
  assert.match(await running.revoked, /by an admin/)
})

test('closing lets flows end first, and then cuts', async () => {
  const running = await run()
  const far = await until(() => [...edge.tunnels][0])
  const ended = Promise.withResolvers<void>()
  const flow = edge.open(far, 'wiki.corp.internal', 80, {
    opened: () => ended.resolve(),
    data: (chunk) => flow.consumed(chunk.length),
  })
  await ended.promise
  const closing = running.close(5000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  flow.write(Buffer.from('last words'))
  flow.end()
  assert.equal(await closing, 0)
})

test('health, readiness and metrics are on a listener of their own', async () => {
  const running = await run(WIKI(), 'health: 127.0.0.1:0')
  await until(() => running.isReady)
  const get = async (what: string) => fetch(`http://127.0.0.1:${running.healthPort}${what}`)
  assert.equal((await get('/healthz')).status, 200)
  assert.equal((await get('/readyz')).status, 200)
  const metrics = await (await get('/metrics')).text()
  assert.match(metrics, /^byname_connector_tunnels [12]$/m)
  assert.match(metrics, /^byname_connector_apps_failing 0$/m)
})

test('an edge that is not up yet is waited for', async () => {
  const { port: where, certificates, token } = edge
  await edge.kill()
  writeFileSync(path.join(directory, 'token'), token)
  write(WIKI())
  const options = { log, env: {}, version: 'test', random: () => 0.1 }
  const starting = runConnector(readSettings(file()), options)
  await new Promise((resolve) => setTimeout(resolve, 100))
  edge = await HandEdge.start(where, certificates)
  connector = await starting
  await until(() => edge.tunnels.size === 2)
})
