import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { type RunningConnector, runConnector } from '../../connector/main.ts'
import { readSettings } from '../../connector/settings-file.ts'
import { type Edge, startEdge } from '../../edge/main.ts'
import { parseEdgeSettings } from '../../edge/settings.ts'
import { callControl } from '../../process/control.ts'
import { silentLog as log } from '../../process/log.ts'
import { until } from './edge.ts'

let directory = ''
let edge: Edge
let origin: net.Server
let port = 0
const running = new Set<RunningConnector>()

before(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-real-edge-'))
  const settings = parseEdgeSettings('listen: 127.0.0.1:0\n', path.join(directory, 'edge.yaml'), {
    stateDirectory: path.join(directory, 'edge'),
    controlPath: (state) => path.join(state, 'edge.sock'),
  })
  edge = await startEdge(settings, { log })
  origin = net.createServer((socket) => socket.on('error', () => socket.destroy()).end())
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
})
afterEach(async () => {
  for (const connector of running) await connector.close(0)
  running.clear()
})
after(async () => {
  await edge.close()
  origin.close()
  rmSync(directory, { recursive: true, force: true })
})

interface Row {
  readonly name: string
  readonly tunnels: number
  readonly apps: readonly { readonly pattern: string; readonly health: string }[]
}

async function rowOf(name: string): Promise<Row | undefined> {
  const { connectors } = (await callControl(edge.controlPath, 'connector.list')) as {
    connectors: Row[]
  }
  return connectors.find((row) => row.name === name)
}

async function untilRow(name: string, fits: (row: Row) => boolean): Promise<Row> {
  for (let at = 0; at < 500; at++) {
    const row = await rowOf(name)
    if (row && fits(row)) return row
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain: ${JSON.stringify(await rowOf(name))}`)
}

async function tokenFor(name: string): Promise<string> {
  const params = { name, mayPublish: ['domain:corp.internal'] }
  const { token } = (await callControl(edge.controlPath, 'connector.token', params)) as {
    token: string
  }
  return token
}

async function start(
  name: string,
  token: string,
  hosts: readonly string[],
): Promise<RunningConnector> {
  const home = path.join(directory, name)
  const file = path.join(directory, `${name}.yaml`)
  writeFileSync(path.join(directory, `${name}.token`), token)
  const apps = hosts.map((host) => `  - { host: ${host}, to: "127.0.0.1:${port}", ports: [80] }`)
  writeFileSync(file, `state: ${home}\ntoken-file: ${name}.token\napps:\n${apps.join('\n')}\n`)
  const connector = await runConnector(readSettings(file), { log, env: {}, version: 'test', file })
  running.add(connector)
  return connector
}

test('a real edge enrols it, sees two tunnels and what it offers, and its health', async () => {
  await start('hq', await tokenFor('hq'), ['wiki.corp.internal'])
  const row = await untilRow('hq', ({ tunnels, apps }) => tunnels === 2 && apps.length === 1)
  assert.deepEqual(
    row.apps.map(({ pattern, health }) => [pattern, health]),
    [['wiki.corp.internal', 'ok']],
  )
})

test('a name outside the grant is not taken, and the admin of the connector hears it', async () => {
  const connector = await start('branch', await tokenFor('branch'), [
    'ours.corp.internal',
    'theirs.example',
  ])
  const row = await untilRow('branch', ({ apps }) => apps.length > 0)
  assert.deepEqual(
    row.apps.map(({ pattern }) => pattern),
    ['ours.corp.internal'],
  )
  const notice = await until(() => connector.status.notices[0])
  assert.match(notice.text, /theirs\.example/)
  assert.deepEqual(
    connector.status.apps.map(({ granted }) => granted),
    [true, false],
  )
})

test('a token lets one key in: a second machine is refused', async () => {
  const token = await tokenFor('once')
  await start('once', token, ['once.corp.internal'])
  await assert.rejects(start('thief', token, ['once.corp.internal']), {
    code: 'ERR_ENROL_REFUSED',
    edgeCode: 'ERR_ENROL_TOKEN_SPENT',
  })
})

test('revoked: it hears of it within a second, and does not come back', async () => {
  const connector = await start('gone', await tokenFor('gone'), ['gone.corp.internal'])
  await untilRow('gone', ({ tunnels }) => tunnels === 2)
  const startedAt = performance.now()
  await callControl(edge.controlPath, 'connector.revoke', { connector: 'gone' })
  await connector.revoked
  assert.ok(performance.now() - startedAt < 1000)
  await until(() => !connector.isReady)
})
