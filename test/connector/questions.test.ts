import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Apps } from '../../connector/app.ts'
import { Questions } from '../../connector/questions.ts'
import type { Resolution } from '../../connector/resolve.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'

const { apps } = parseConnectorSettings(
  `
apps:
  - { host: wiki.corp.internal, ports: [80] }
  - { host: moved.corp.internal, to: "real.lan:80" }
  - { host: here.corp.internal, to: "http://localhost:8080" }
  - { host: "*.dyn.corp.internal", ports: [80] }
`,
  '/c.yaml',
)

const MX = { name: 'x', type: 'MX', ttl: 60, dataBase64: 'AAo=' }

function asking(resolution: Resolution) {
  const asked: string[] = []
  const questions = new Questions({
    apps: () => new Apps(apps),
    resolver: {
      async resolve(name) {
        asked.push(name)
        return resolution
      },
    },
    async lookup(name, type): Promise<Resolved> {
      asked.push(`${name} ${type}`)
      return { kind: 'exists', ttlSeconds: 60, records: [MX] }
    },
  })
  const ask = (name: string, type: string) =>
    questions.answer({ kind: 'resolve', id: 7, name, type })
  return { ask, asked }
}

const exists: Resolution = { kind: 'addresses', addresses: ['10.9.8.7'] }
const none: Resolution = { kind: 'failed', code: 'origin-no-such-name', reason: 'x' }
const broken: Resolution = {
  kind: 'failed',
  code: 'origin-dns-failed',
  reason: 'its server is away',
}

test('a published name exists, is absent or could not be asked; no address ever travels', async () => {
  for (const type of ['A', 'AAAA']) {
    const { ask } = asking(exists)
    const answer = await ask('x.dyn.corp.internal', type)
    assert.deepEqual(answer, {
      kind: 'resolved',
      id: 7,
      answer: 'exists',
      ttlSeconds: 30,
      records: [],
    })
  }
  assert.equal((await asking(none).ask('x.dyn.corp.internal', 'A')).answer, 'absent')
  const failed = await asking(broken).ask('x.dyn.corp.internal', 'A')
  assert.deepEqual([failed.answer, failed.reason], ['failed', 'its server is away'])
})

test('types that hint at addresses, or that are not carried, have no data', async () => {
  for (const type of ['HTTPS', 'SVCB', 'NS', 'SOA', 'CNAME', 'ANY', 'TYPE65', '']) {
    const { ask, asked } = asking(exists)
    assert.deepEqual((await ask('wiki.corp.internal', type)).answer, 'no-data', type)
    assert.deepEqual(asked, ['wiki.corp.internal'])
  }
})

test('SRV, MX and TXT are asked of the DNS under the real name', async () => {
  const { ask, asked } = asking(exists)
  assert.deepEqual((await ask('wiki.corp.internal', 'MX')).records, [MX])
  await ask('moved.corp.internal', 'TXT')
  assert.deepEqual(asked, ['wiki.corp.internal MX', 'real.lan TXT'])
})

test('an app whose `to` is an address exists without asking anybody', async () => {
  const { ask, asked } = asking(none)
  assert.equal((await ask('here.corp.internal', 'A')).answer, 'exists')
  assert.equal((await ask('here.corp.internal', 'MX')).answer, 'no-data')
  assert.deepEqual(asked, [])
})

test('names that are not published, or not written as they must be, are refused and not asked for', async () => {
  const { ask, asked } = asking(exists)
  const names = [
    'other.corp.internal',
    'WIKI.corp.internal',
    'wiki.corp.internal.',
    'a.b.dyn.corp.internal',
  ]
  names.push('dyn.corp.internal', 'localhost', '127.0.0.1', '', '\u0000', 'wiki.corp.internal\n')
  for (const name of names) assert.equal((await ask(name, 'A')).answer, 'refused', name)
  assert.deepEqual(asked, [])
})

test('questions at once are bounded, and one that breaks is an answer as well', async () => {
  const questions = new Questions({
    apps: () => new Apps(apps),
    resolver: { resolve: () => new Promise(() => undefined) },
    lookup: async () => Promise.reject(new Error('x')),
  })
  const ask = (id: number, type: string) =>
    questions.answer({ kind: 'resolve', id, name: 'wiki.corp.internal', type })
  assert.equal((await ask(1, 'MX')).answer, 'failed')
  for (let id = 0; id < 256; id++) void ask(id, 'A')
  assert.match((await ask(999, 'A')).reason ?? '', /too many/)
})

test('records found under the real name are answered as those of the name that was asked', async () => {
  const questions = new Questions({
    apps: () => new Apps(apps),
    resolver: { resolve: async () => exists },
    lookup: async (name) => ({
      kind: 'exists',
      ttlSeconds: 60,
      records: [
        { ...MX, name },
        { ...MX, name: 'elsewhere.lan' },
      ],
    }),
  })
  const ask = { kind: 'resolve', id: 7, name: '_x._tcp.moved.corp.internal', type: 'SRV' } as const
  const { records } = await questions.answer(ask)
  assert.deepEqual(
    records.map(({ name }) => name),
    ['_x._tcp.moved.corp.internal', 'elsewhere.lan'],
  )
})
