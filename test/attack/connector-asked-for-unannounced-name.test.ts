/**
 * An edge that was taken over, or is wrong, asks a connector for names and ports that the connector
 * does not publish: to scan the private network through it, to reach its own machine, or the cloud's
 * metadata. The connector looks again for itself. Defended by connector/door.ts and connector/app.ts.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { Apps } from '../../connector/app.ts'
import { Dialler } from '../../connector/dial.ts'
import { Door } from '../../connector/door.ts'
import { type Network, systemNetwork, type Where } from '../../connector/network.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { silentLog } from '../../process/log.ts'
import { realClock as clock } from '../connector/clock.ts'
import { LyingEdge } from '../connector/pair.ts'

let origin: net.Server
let port = 0
const dialled: string[] = []
const lookedUp: string[] = []
const network: Network = {
  connect(where: Where) {
    dialled.push(where.kind === 'tcp' ? `${where.address}:${where.port}` : where.path)
    return systemNetwork.connect(where)
  },
  async lookup(name) {
    lookedUp.push(name)
    return ['127.0.0.1']
  },
}

let door: Door
let edge: LyingEdge
before(async () => {
  origin = net.createServer((socket) => socket.on('error', () => socket.destroy()).end())
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  port = (origin.address() as net.AddressInfo).port
  const { apps } = parseConnectorSettings(
    `
apps:
  - { host: wiki.corp.internal, to: "127.0.0.1:${port}", ports: [80] }
  - { host: "*.ci.corp.internal", to: "127.0.0.1:${port}", ports: [22, 8000-8010] }
`,
    '/c.yaml',
  )
  door = new Door(new Apps(apps), {
    dialler: new Dialler({ network, clock }),
    instance: 'i',
    log: silentLog,
  })
  edge = new LyingEdge({ incoming: (open) => void door.take(open) })
})
after(() => {
  edge.close()
  origin.close()
})

const UNANNOUNCED: [string, number][] = [
  ['wiki.corp.internal', 22],
  ['wiki.corp.internal', 81],
  ['wiki.corp.internal', 443],
  ['db.corp.internal', 80],
  ['corp.internal', 80],
  ['x.wiki.corp.internal', 80],
  ['wiki.corp.internal.evil.example', 80],
  ['ci.corp.internal', 22],
  ['a.b.ci.corp.internal', 22],
  ['a.ci.corp.internal', 80],
  ['a.ci.corp.internal', 7999],
  ['a.ci.corp.internal', 8011],
  ['localhost', 80],
  ['metadata.google.internal', 80],
  ['127.0.0.1', 80],
  ['169.254.169.254', 80],
  ['WIKI.corp.internal', 80],
  ['wiki.corp.internal.', 80],
  ['*.ci.corp.internal', 22],
  ['wiki.corp.internal:80', 80],
  ['127.0.0.1#.ci.corp.internal', 22],
  ['..ci.corp.internal', 22],
  ['\u0000.ci.corp.internal', 22],
]

for (const [name, asked] of UNANNOUNCED) {
  test(`${JSON.stringify(name)}:${asked} is not dialled`, async () => {
    dialled.length = 0
    lookedUp.length = 0
    const end = await edge
      .ask(name, asked)
      .catch((error: Error) => ({ kind: 'not sent', code: error.name }))
    assert.notEqual(end.kind, 'opened')
    if (end.kind !== 'not sent') assert.equal(end.code, 'not-published')
    assert.deepEqual([dialled, lookedUp], [[], []])
  })
}

test('what is published is dialled, where its owner wrote and not where the edge likes', async () => {
  dialled.length = 0
  for (const [name, asked] of [
    ['wiki.corp.internal', 80],
    ['any.ci.corp.internal', 8010],
  ] as const) {
    assert.equal((await edge.ask(name, asked)).kind, 'opened', name)
  }
  assert.deepEqual(dialled, [`127.0.0.1:${port}`, `127.0.0.1:${port}`])
})

test('another protocol than the app has is refused', async () => {
  dialled.length = 0
  const end = await edge.ask('wiki.corp.internal', 80, 'udp')
  assert.notEqual(end.kind, 'opened')
  assert.deepEqual(dialled, [])
})

test('what was published a moment ago is not any more, and its flows are reset', async () => {
  const reset = Promise.withResolvers<string>()
  const opened = Promise.withResolvers<void>()
  const holding = net.createServer((socket) => socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => holding.listen(0, '127.0.0.1', resolve))
  const to = (holding.address() as net.AddressInfo).port
  const text = `apps: [{ host: held.corp.internal, to: "127.0.0.1:${to}", ports: [80] }]`
  door.replace(new Apps(parseConnectorSettings(text, '/c.yaml').apps))
  edge.open('held.corp.internal', 80, {
    opened: () => opened.resolve(),
    reset: ({ code }) => reset.resolve(code),
  })
  await opened.promise
  assert.equal(door.flowCount, 1)
  door.replace(new Apps([]))
  assert.equal(await reset.promise, 'not-published')
  assert.equal(door.flowCount, 0)
  assert.equal((await edge.ask('held.corp.internal', 80)).code, 'not-published')
  holding.close()
})

test('what is taken out while it is dialled is not joined', async () => {
  const text = `apps: [{ host: slow.corp.internal, to: "127.0.0.1:${port}", ports: [80] }]`
  const asked = Promise.withResolvers<void>()
  const slow: Network = {
    connect(where) {
      asked.resolve()
      return systemNetwork.connect(where)
    },
    lookup: network.lookup,
  }
  const dialler = new Dialler({ network: slow, clock })
  const apps = new Apps(parseConnectorSettings(text, '/c.yaml').apps)
  const late = new Door(apps, { dialler, instance: 'i', log: silentLog })
  const other = new LyingEdge({ incoming: (open) => void late.take(open) })
  const answer = other.ask('slow.corp.internal', 80)
  await asked.promise
  late.replace(new Apps([]))
  assert.equal((await answer).code, 'not-published')
  assert.equal(late.flowCount, 0)
  other.close()
})
