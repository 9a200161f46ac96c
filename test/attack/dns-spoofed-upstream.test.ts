import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { describe, it, type TestContext } from 'node:test'
import type { RaceTimes } from '../../resolver/dns/race.ts'
import { makeUpstream } from '../../resolver/dns/upstream.ts'
import {
  ask,
  type DnsHandler,
  type DnsServer,
  questionEnd,
  replyTo,
  setUp,
  startDns,
} from '../resolver/setup.ts'

/**
 * Attacker: whoever may send packets to the port of a query under way, or the other resolver's
 * network. Wanted: that a forged answer is taken, or that rubbish ends the wait for the true one.
 */
const TIMES: RaceTimes = { staggerMs: 500, againMs: 2000, budgetMs: 3000 }
const TRUE = '192.0.2.80'
const FORGED = '203.0.113.66'
const a = (data: string) => ({ type: 'A', name: 'www.example.com', ttl: 300, data })

async function resolverOver(t: TestContext, handler: DnsHandler) {
  const server = await startDns(t, handler)
  const upstream = makeUpstream({
    servers: () => [{ address: '127.0.0.1', port: server.port }],
    clock: Date.now,
    times: TIMES,
  })
  return { server, ...setUp({ upstream }) }
}

/** What the program is told when `forged` comes before the true answer, on the same socket. */
async function toldAfter(t: TestContext, forged: (query: Buffer) => readonly Uint8Array[]) {
  const { resolver } = await resolverOver(t, (query) => [
    ...forged(query),
    replyTo(query, [a(TRUE)]),
  ])
  return (await ask(resolver, 'www.example.com', 'A')).answers
}

/** A forged answer, right but for one thing. */
function forged(query: Buffer, change: (reply: Buffer) => void): Buffer {
  const reply = replyTo(query, [a(FORGED)])
  change(reply)
  return reply
}

describe('a forged answer', () => {
  const table: readonly [what: string, change: (reply: Buffer) => void][] = [
    ['with another id', (reply) => reply.writeUInt16BE(reply.readUInt16BE(0) ^ 0x8000, 0)],
    ['that is a query', (reply) => reply.writeUInt8(0x01, 2)],
    ['to another name', (reply) => reply.write('zzz', 13)],
    ['to another type', (reply) => reply.writeUInt16BE(28, questionEnd(reply) - 4)],
    ['to another class', (reply) => reply.writeUInt16BE(4, questionEnd(reply) - 2)],
    ['without its question', (reply) => reply.writeUInt16BE(0, 4)],
  ]
  for (const [what, change] of table) {
    it(`${what} is not taken, and the true one still is`, async (t) => {
      const told = await toldAfter(t, (query) => [forged(query, change)])
      assert.deepEqual(told, [`A ${TRUE}`])
    })
  }

  it('for every id but the right one is not taken', async (t) => {
    const told = await toldAfter(t, (query) =>
      Array.from({ length: 100 }, (_, i) =>
        forged(query, (reply) => reply.writeUInt16BE((reply.readUInt16BE(0) + i + 1) & 0xffff, 0)),
      ),
    )
    assert.deepEqual(told, [`A ${TRUE}`])
  })

  it('that guessed id and port but not the letters’ case is asked again over TCP', async (t) => {
    const { resolver, server } = await resolverOver(t, (query, via) =>
      via === 'tcp' ? [replyTo(query, [a(TRUE)])] : [],
    )
    const asking = ask(resolver, 'www.example.com', 'A')
    await until(() => server.queries.length === 1)
    const [first] = server.queries
    assert.ok(first)
    const folded = forged(first.bytes, (reply) =>
      reply.write(reply.toString('latin1', 12, 28).toLowerCase(), 12, 'latin1'),
    )
    server.send(folded)
    await until(() => server.queries.length === 2)
    assert.equal(server.queries[1]?.via, 'tcp')
    assert.deepEqual((await asking).answers, [`A ${TRUE}`])
  })

  for (const [what, host] of [
    ['another port of the server', '127.0.0.1'],
    ['another address', '127.0.0.2'],
  ] as const) {
    it(`from ${what} is not taken, although it is right in everything else`, async (t) => {
      const { resolver, server } = await resolverOver(t, () => [])
      const asking = ask(resolver, 'www.example.com', 'A')
      await until(() => server.queries.length === 1)
      const attacker = createSocket('udp4')
      t.after(() => attacker.close())
      await new Promise<void>((done) => attacker.bind(0, host, done))
      const [first] = server.queries
      const asker = server.lastAsker()
      assert.ok(first && asker)
      const reply = replyTo(first.bytes, [a(FORGED)])
      await new Promise((done) => attacker.send(reply, asker.port, asker.address, done))
      await answerTruly(server, first.bytes)
      assert.deepEqual((await asking).answers, [`A ${TRUE}`])
    })
  }
})

describe('rubbish from the other resolver', () => {
  const table: readonly [what: string, rubbish: (query: Buffer) => readonly Uint8Array[]][] = [
    ['an empty datagram', () => [Buffer.alloc(0)]],
    ['the query itself', (query) => [query]],
    [
      'a header alone',
      (query) => [Buffer.concat([query.subarray(0, 2), Buffer.of(0x81, 0x80), Buffer.alloc(8)])],
    ],
    ['an answer cut short', (query) => [replyTo(query, [a(FORGED)]).subarray(0, -2)]],
    [
      'an answer with more after it',
      (query) => [Buffer.concat([replyTo(query, [a(FORGED)]), Buffer.of(1)])],
    ],
    ['an owner that is a pointer loop', (query) => [looped(query)]],
    [
      'a record that says it is longer',
      (query) => [forged(query, (reply) => reply.writeUInt16BE(9, reply.length - 6))],
    ],
    [
      'a thousand records promised',
      (query) => [forged(query, (reply) => reply.writeUInt16BE(1000, 6))],
    ],
    ['every cut of an answer', (query) => cutsOf(replyTo(query, [a(FORGED)]))],
  ]
  for (const [what, rubbish] of table) {
    it(`such as ${what} does not end the wait`, async (t) => {
      assert.deepEqual(await toldAfter(t, rubbish), [`A ${TRUE}`])
    })
  }

  it('alone is SERVFAIL in the end, and the next name is answered', async (t) => {
    const upstream = await startDns(t, (query) =>
      query.toString('latin1').toLowerCase().includes('bad')
        ? cutsOf(query)
        : [replyTo(query, [a(TRUE)])],
    )
    const { resolver } = setUp({
      upstream: makeUpstream({
        servers: () => [{ address: '127.0.0.1', port: upstream.port }],
        clock: Date.now,
        times: { ...TIMES, budgetMs: 150 },
      }),
    })
    assert.equal((await ask(resolver, 'bad.example.com', 'A')).rcode, 'SERVFAIL')
    assert.deepEqual((await ask(resolver, 'www.example.com', 'A')).answers, [`A ${TRUE}`])
  })

  it('that would be rebinding is refused, from memory as well', async (t) => {
    const { resolver, server } = await resolverOver(t, (query) => [
      replyTo(query, [a('198.19.0.2')]),
    ])
    for (const _ of [1, 2]) {
      const { rcode, answers } = await ask(resolver, 'www.example.com', 'A')
      assert.deepEqual([rcode, answers], ['SERVFAIL', []])
    }
    assert.equal(server.queries.length, 1)
  })
})

function cutsOf(reply: Buffer): Buffer[] {
  return Array.from({ length: reply.length - 1 }, (_, i) => reply.subarray(0, i + 1))
}

/** The answer's owner is a pointer to itself. */
function looped(query: Buffer): Buffer {
  const at = questionEnd(query)
  const head = replyTo(query, []).subarray(0, at)
  head.writeUInt16BE(1, 6)
  const record = Buffer.of(
    0xc0 | (at >> 8),
    at & 255,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    60,
    0,
    4,
    203,
    0,
    113,
    66,
  )
  return Buffer.concat([head, record])
}

async function answerTruly(server: DnsServer, query: Buffer): Promise<void> {
  // After whatever was sent before it: loopback keeps its order, but two sockets share no queue.
  await new Promise((done) => setTimeout(done, 30))
  server.send(replyTo(query, [a(TRUE)]))
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 5))
}
