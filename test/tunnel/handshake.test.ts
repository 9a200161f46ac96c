import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDeviceKey } from '../../identity/key.ts'
import { signProof, verifyProof } from '../../identity/proof.ts'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { bodyFrame, pingFrame } from '../../tunnel/frames/write.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import type { Link } from '../../tunnel/link.ts'
import {
  type Accepted,
  type AcceptHandshake,
  type Auth,
  acceptHandshake,
  type DialHandshake,
  dialHandshake,
} from '../../tunnel/messages/handshake.ts'
import { ManualClock, TestLink, Wire } from './doubles.ts'

class FakeLink extends TestLink implements Link {
  keyAgreement: string | undefined = 'X25519MLKEM768'
  readonly remoteAddress = '192.0.2.1'
  readonly localAddress = '192.0.2.2'
  hasZeroMasks = false
  isProven = false
  exporterBytes: Uint8Array | undefined = new Uint8Array(32).fill(7)

  exporter(): Uint8Array | undefined {
    return this.exporterBytes
  }

  useZeroMasks(): void {
    this.hasZeroMasks = true
  }

  proven(): void {
    this.isProven = true
  }
}

const key = makeDeviceKey()

const dial: DialHandshake = {
  role: 'client',
  version: '0.1.0',
  credential: { kind: 'session', token: 'a.b.c' },
  sign: (transcript) => signProof(key, transcript),
  facts: { os: 'linux' },
  deployment: 'd1',
}

const accept: AcceptHandshake = {
  deployment: 'd1',
  edgeName: 'edge.example.com',
  version: '0.1.0',
  edges: ['https://edge.example.com'],
  authenticate: async ({ transcript, signature }) =>
    verifyProof(key.publicKey, transcript, signature)
      ? { kind: 'accepted', you: YOU }
      : { kind: 'refused', code: 'not-authenticated', reason: 'a wrong proof' },
}

const YOU = { kind: 'client', subject: 'alice', sessionId: 's1', expiresAt: 4e12 } as const

/** Both sides over one wire; each may be changed. */
async function shake(
  changes: {
    dial?: Partial<DialHandshake>
    accept?: Partial<AcceptHandshake>
    near?: FakeLink
  } = {},
) {
  const clock = new ManualClock()
  const near = changes.near ?? new FakeLink()
  const far = new FakeLink()
  const wire = new Wire(near, far)
  const both = [
    dialHandshake(near, { ...dial, ...changes.dial }, clock),
    acceptHandshake(far, { ...accept, ...changes.accept }, clock),
  ] as const
  const done = Promise.allSettled(both)
  for (let i = 0; i < 30; i++) {
    wire.step()
    await new Promise((resolve) => setImmediate(resolve))
  }
  clock.advance(60_000)
  const [ready, accepted] = await done
  return { near, far, ready, accepted, clock }
}

const fulfilled = <T>(settled: PromiseSettledResult<T>): T => {
  assert.ok(settled.status === 'fulfilled', String((settled as PromiseRejectedResult).reason))
  return settled.value
}

const codeOf = (settled: PromiseSettledResult<unknown>) =>
  settled.status === 'rejected' ? settled.reason.code : 'fulfilled'

test('both sides learn of each other, and masks are zero once the exporters matched', async () => {
  const { near, far, ready, accepted } = await shake()
  const { limits, ...said } = fulfilled(ready)
  assert.deepEqual(limits, DEFAULT_LIMITS)
  assert.deepEqual(said, {
    deployment: 'd1',
    edgeName: 'edge.example.com',
    edgeVersion: '0.1.0',
    features: ['resume', 'received'],
    edges: ['https://edge.example.com'],
    exporterMatched: true,
    keyAgreement: 'X25519MLKEM768',
    you: YOU,
  })
  const { auth } = fulfilled(accepted) as Accepted
  assert.equal(auth.role, 'client')
  assert.equal(auth.keyAgreement, 'X25519MLKEM768')
  assert.deepEqual(auth.facts, { os: 'linux' })
  assert.equal(auth.remoteAddress, '192.0.2.1')
  assert.ok(near.hasZeroMasks && far.isProven)
  assert.equal(near.onMessage, undefined, 'the next owner sets it')
})

test('a TLS that ends elsewhere is refused', async () => {
  const near = new FakeLink()
  near.exporterBytes = new Uint8Array(32).fill(8)
  const { ready, accepted } = await shake({ near })
  assert.equal(codeOf(ready), 'not-authenticated')
  assert.equal(fulfilled(accepted), undefined)
})

test('a declared load balancer in front is taken, with random masks', async () => {
  for (const exporter of [new Uint8Array(32).fill(8), undefined]) {
    const near = new FakeLink()
    near.exporterBytes = exporter
    const { ready } = await shake({ near, accept: { tlsEndsBeforeEdge: true } })
    assert.equal(fulfilled(ready).exporterMatched, false)
    assert.equal(near.hasZeroMasks, false)
  }
})

test('a proof by another key, or over other bytes, is refused', async () => {
  const other = makeDeviceKey()
  for (const sign of [
    (bytes: Uint8Array) => signProof(other, bytes),
    (bytes: Uint8Array) => signProof(key, Buffer.concat([bytes, Buffer.from('x')])),
  ]) {
    const { ready, accepted, far } = await shake({ dial: { sign } })
    assert.equal(codeOf(ready), 'not-authenticated')
    assert.equal(fulfilled(accepted), undefined)
    assert.equal(far.isProven, false)
  }
})

test('two handshakes never sign the same bytes', async () => {
  const seen: string[] = []
  const sign = (bytes: Uint8Array) => {
    seen.push(Buffer.from(bytes).toString('hex'))
    return signProof(key, bytes)
  }
  await shake({ dial: { sign } })
  await shake({ dial: { sign } })
  assert.equal(new Set(seen).size, 2)
})

test('an edge of another deployment gets no token', async () => {
  const { near, ready } = await shake({ dial: { deployment: 'd2' } })
  assert.equal(codeOf(ready), 'not-authenticated')
  assert.equal(near.closed?.code, 'not-authenticated')
})

test('a refusal names its code at the other end', async () => {
  const authenticate = async () =>
    ({ kind: 'refused', code: 'session-revoked', reason: 'revoked by an admin' }) as const
  const { ready } = await shake({ accept: { authenticate } })
  assert.equal(codeOf(ready), 'session-revoked')
})

test('what goes wrong inside the edge is not told', async () => {
  const authenticate = async () => {
    throw new Error('the database password is hunter2')
  }
  const { far, ready } = await shake({ accept: { authenticate } })
  assert.deepEqual(far.closed, { code: 'internal', reason: '', by: 'us' })
  assert.equal(codeOf(ready), 'internal')
})

test('a silent peer is dropped after 5 s, a silent edge after 10 s', async () => {
  const clock = new ManualClock()
  const far = new FakeLink()
  const accepting = acceptHandshake(far, accept, clock)
  clock.advance(4_999)
  assert.deepEqual([far.closed], [undefined])
  clock.advance(1)
  assert.equal(await accepting, undefined)
  assert.equal(far.closed?.code, 'tunnel-lost')
  const near = new FakeLink()
  const dialling = dialHandshake(near, dial, clock)
  clock.advance(10_000)
  await assert.rejects(dialling, { code: 'tunnel-lost' })
})

const json = (value: object) => Buffer.from(JSON.stringify(value))
const wrongFirst: [string, Uint8Array][] = [
  ['a PING', pingFrame(TYPE.PING, 1)],
  ['an OPEN', bodyFrame(TYPE.OPEN, 1, new Uint8Array(33))],
  ['READY', bodyFrame(TYPE.READY, 0, json({}))],
  ['an empty AUTH', bodyFrame(TYPE.AUTH, 0, json({}))],
  ['an AUTH that is no JSON', bodyFrame(TYPE.AUTH, 0, Buffer.from('{'))],
  ['an AUTH of 16 KiB', bodyFrame(TYPE.AUTH, 0, Buffer.alloc(16_384, 32))],
  [
    'an AUTH with a token of 9,000 letters',
    auth({ credential: { kind: 'session', token: 'x'.repeat(9000) } }),
  ],
  ['an AUTH of another protocol', auth({ protocol: 2 })],
  ['an AUTH of a third role', auth({ role: 'edge' })],
  [
    "an AUTH with a connector's credential",
    auth({ credential: { kind: 'connector', connectorId: 'hq' } }),
  ],
  ['an AUTH whose nonce is short', auth({ nonce: 'AAAA' })],
  ['an AUTH whose nonce has stray bits', auth({ nonce: `${'A'.repeat(42)}B` })],
  ['an AUTH without a signature', auth({ signature: undefined })],
  ['an AUTH with facts that nest', auth({ facts: { a: { b: 1 } } })],
  ['two frames in a message', Buffer.concat([auth({}), pingFrame(TYPE.PING, 1)])],
]

function auth(change: object): Uint8Array {
  return bodyFrame(
    TYPE.AUTH,
    0,
    json({
      protocol: 1,
      role: 'client',
      version: '0.1.0',
      credential: { kind: 'session', token: 'a.b.c' },
      facts: {},
      nonce: 'A'.repeat(43),
      exporter: Buffer.alloc(32, 7).toString('base64url'),
      signature: 'A'.repeat(86),
      ...change,
    }),
  )
}

for (const [what, bytes] of wrongFirst) {
  test(`before AUTH: ${what} is a protocol error`, async () => {
    const far = new FakeLink()
    const accepting = acceptHandshake(far, accept, new ManualClock())
    far.onMessage?.(bytes)
    assert.equal(await accepting, undefined)
    assert.equal(far.closed?.code, 'protocol-error')
  })
}

test('an AUTH in pieces is read', async () => {
  const far = new FakeLink()
  const auths: Auth[] = []
  const authenticate = async (said: Auth) => {
    auths.push(said)
    return { kind: 'refused', code: 'not-authenticated', reason: '' } as const
  }
  const accepting = acceptHandshake(far, { ...accept, authenticate }, new ManualClock())
  const bytes = auth({})
  for (const byte of bytes) far.onMessage?.(Uint8Array.of(byte))
  await accepting
  assert.equal(auths.length, 1)
})

const limitsOf = (change: object) => ({ ...DEFAULT_LIMITS, ...change })
const wrongReady: [string, object][] = [
  ['a window of 0', { limits: limitsOf({ initialWindowBytes: 0 }) }],
  ['a window of 2^32', { limits: limitsOf({ initialWindowBytes: 2 ** 32 }) }],
  ['no flows', { limits: limitsOf({ maxFlows: 0 }) }],
  ['half a flow', { limits: limitsOf({ maxFlows: 0.5 }) }],
  ['a flow too many', { limits: limitsOf({ maxFlows: 1_000_001 }) }],
  ['nine edges', { edges: Array.from({ length: 9 }, () => 'https://e') }],
  ["a connector's you", { you: { kind: 'connector', connectorId: 'c', name: 'n', grants: [] } }],
]

for (const [what, change] of wrongReady) {
  test(`READY with ${what} is a protocol error`, async () => {
    const near = new FakeLink()
    const dialling = dialHandshake(near, dial, new ManualClock())
    const nonce = 'A'.repeat(43)
    const hello = { protocols: [1], deployment: 'd1', edgeName: 'e', version: '1', nonce }
    near.onMessage?.(bodyFrame(TYPE.HELLO, 0, json(hello)))
    await new Promise((resolve) => setImmediate(resolve))
    const ready = { protocol: 1, version: '1', features: [], limits: DEFAULT_LIMITS, edges: [] }
    const said = { ...ready, exporterMatched: true, you: YOU, ...change }
    near.onMessage?.(bodyFrame(TYPE.READY, 0, json(said)))
    await assert.rejects(dialling, { code: 'protocol-error' })
    assert.equal(near.hasZeroMasks, false)
  })
}
