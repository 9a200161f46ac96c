import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TunnelError } from '../../tunnel/codes.ts'
import { MAX_CONTROL_BYTES, TYPE } from '../../tunnel/frames/frame.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import {
  readClientContext,
  readConnectorContext,
  writeContext,
} from '../../tunnel/messages/open-context.ts'

const decode = (type: number, said: unknown) =>
  controlCodec.decode(type, Buffer.from(JSON.stringify(said)))

const app = {
  pattern: 'wiki.corp.internal',
  ports: [{ from: 80, to: 80, protocol: 'tcp' }],
  fixedTo: false,
  health: 'ok',
}

const wrong: [string, number, unknown][] = [
  ['an app without a pattern', TYPE.ANNOUNCE, { apps: [{ ...app, pattern: undefined }] }],
  ['a pattern that is none', TYPE.ANNOUNCE, { apps: [{ ...app, pattern: 'a..b' }] }],
  ['an address as a pattern', TYPE.ANNOUNCE, { apps: [{ ...app, pattern: '10.0.0.1' }] }],
  ['1,025 apps', TYPE.ANNOUNCE, { apps: Array.from({ length: 1025 }, () => app) }],
  [
    '65 ports',
    TYPE.ANNOUNCE,
    { apps: [{ ...app, ports: Array.from({ length: 65 }, () => app.ports[0]) }] },
  ],
  ['port 0', TYPE.ANNOUNCE, { apps: [{ ...app, ports: [{ port: 0, protocol: 'tcp' }] }] }],
  ['port 65536', TYPE.ANNOUNCE, { apps: [{ ...app, ports: [{ port: 65_536, protocol: 'tcp' }] }] }],
  [
    'a range that runs backwards',
    TYPE.ANNOUNCE,
    { apps: [{ ...app, ports: [{ from: 2, to: 1, protocol: 'tcp' }] }] },
  ],
  [
    'a third protocol',
    TYPE.ANNOUNCE,
    { apps: [{ ...app, ports: [{ port: 1, protocol: 'sctp' }] }] },
  ],
  ['a health of its own', TYPE.ANNOUNCE, { apps: [{ ...app, health: 'great' }] }],
  ['a revision of -1', TYPE.CATALOG, { revision: -1, zones: [], entries: [] }],
  ['a zone that is a list', TYPE.CATALOG, { revision: 1, zones: [['a.b']], entries: [] }],
  ['a name that is an address', TYPE.RESOLVE, { id: 1, name: '127.1', type: 'A' }],
  ['an id of 2^32', TYPE.RESOLVE, { id: 2 ** 32, name: 'a.b', type: 'A' }],
  ['an answer of its own', TYPE.RESOLVED, { id: 1, answer: 'perhaps', ttlSeconds: 1, records: [] }],
  ['a TTL of a billion years', TYPE.RESOLVED, { id: 1, answer: 'absent', ttlSeconds: 2 ** 31 }],
  ['a sign-in at javascript:', TYPE.SIGNIN, { url: 'javascript:alert(1)', reason: '' }],
  ['a token of 9,000 letters', TYPE.RENEWED, { token: 'x'.repeat(9000), expiresAt: 1 }],
  ['a flow id in capitals', TYPE.CUT, { flowId: 'A'.repeat(32), code: 'unmet', reason: '' }],
  ['facts with a list', TYPE.FACTS, { facts: { a: [1] } }],
  [
    '65 facts',
    TYPE.FACTS,
    { facts: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, i])) },
  ],
  ['a level of its own', TYPE.NOTICE, { level: 'fatal', code: '', text: '', facts: {} }],
  ['null', TYPE.NOTICE, null],
]

for (const [what, type, said] of wrong) {
  test(`${what} is a protocol error`, () => {
    assert.throws(() => decode(type, said), { name: 'TunnelError', code: 'protocol-error' })
  })
}

test('names are read in their canonical spelling', () => {
  const said = { apps: [{ ...app, pattern: '*.CORP.Internal.' }] }
  const read = decode(TYPE.ANNOUNCE, said)
  assert.equal(read.kind === 'announce' && read.apps[0]?.pattern, '*.corp.internal')
})

test('keys that this version does not know are left out', () => {
  const read = decode(TYPE.PROBE, { id: 1, name: 'a.b', port: 1, later: true })
  assert.deepEqual(read, { kind: 'probe', id: 1, name: 'a.b', port: 1 })
})

test('a code that this version does not know reads as internal', () => {
  const read = decode(TYPE.CUT, { flowId: '0'.repeat(32), code: 'from-the-future', reason: '' })
  assert.equal(read.kind === 'cut' && read.code, 'internal')
})

test("a message beyond a frame is the caller's mistake", () => {
  const text = 'x'.repeat(MAX_CONTROL_BYTES)
  assert.throws(() => controlCodec.encode({ kind: 'renew', proof: text }), RangeError)
})

test('any JSON for any message ends in a message or in a coded error', () => {
  const types = Object.values(TYPE).filter((type) => (type & 0x40) !== 0)
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.jsonValue(), (type, value) => {
      try {
        decode(type, value)
      } catch (error) {
        assert.ok(error instanceof TunnelError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('what OPEN says beside the name is read back, or refused', () => {
  const client = { onRamp: 'socks' } as const
  const connector = {
    who: { kind: 'person', label: 'alice@example.com' },
    rule: 'staff',
    session: 's1',
  } as const
  assert.deepEqual(readClientContext(writeContext(client)), client)
  assert.deepEqual(readConnectorContext(writeContext(connector)), connector)
  const bad = (text: string) => () => readClientContext(Buffer.from(text))
  for (const text of ['', '{}', '[]', '{"onRamp":"magic"}']) {
    assert.throws(bad(text), { code: 'protocol-error' })
  }
})
