import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { Forwarder } from '../../resolver/dns/forward.ts'
import { type Message, readMessage } from '../../resolver/dns/message.ts'
import { type Question, readQuestion } from '../../resolver/dns/question.ts'
import { type RaceTimes, raceServers } from '../../resolver/dns/race.ts'
import type { Server } from '../../resolver/dns/system.ts'
import { NOON, queryFor, replyTo } from './setup.ts'

const TIMES: RaceTimes = { staggerMs: 30, againMs: 60, budgetMs: 400 }
const [FIRST, SECOND]: [Server, Server] = [
  { address: '192.0.2.1', port: 53 },
  { address: '192.0.2.2', port: 53 },
]

function message(query: Buffer, rcode = 0, ttl = 60): Message {
  const answers = [{ type: 'A', name: 'www.example.com', ttl, data: '192.0.2.80' }]
  const read = readMessage(replyTo(query, rcode === 0 ? answers : [], { flags: 0x180 | rcode }))
  assert.ok(read)
  return read
}

function question(bytes: Uint8Array): Question {
  const read = readQuestion(bytes)
  assert.ok(read.kind === 'question')
  return read.question
}

const WWW = queryFor('www.example.com', 'A')
const never = (signal: AbortSignal) =>
  new Promise<Message>((_, reject) => signal.addEventListener('abort', () => reject(new Error())))

describe('a race of servers', () => {
  /** Runs a race in which each server does what `doing` says; who was asked when, and the outcome. */
  async function race(
    servers: readonly Server[],
    doing: (server: Server, signal: AbortSignal) => Promise<Message>,
  ) {
    const asked: { address: string; atMs: number }[] = []
    const start = performance.now()
    const outcome = await raceServers(
      servers,
      (server, signal) => {
        asked.push({ address: server.address, atMs: performance.now() - start })
        return doing(server, signal)
      },
      TIMES,
    )
    return { outcome, asked: asked.map(({ address }) => address), times: asked }
  }

  it('asks one server while it answers', async () => {
    const { outcome, asked } = await race([FIRST, SECOND], async () => message(WWW))
    assert.equal(outcome?.rcode, 0)
    assert.deepEqual(asked, ['192.0.2.1'])
  })

  it('asks the second as well once the first is silent', async () => {
    const { outcome, asked, times } = await race([FIRST, SECOND], async (server, signal) =>
      server === FIRST ? never(signal) : message(WWW),
    )
    assert.equal(outcome?.rcode, 0)
    assert.deepEqual(asked, ['192.0.2.1', '192.0.2.2'])
    assert.ok((times[1]?.atMs ?? 0) >= 25)
  })

  it('still takes the first one’s answer after the second was asked', async () => {
    const { outcome } = await race([FIRST, SECOND], async (server, signal) => {
      if (server === SECOND) return never(signal)
      await new Promise((done) => setTimeout(done, 50))
      return message(WWW)
    })
    assert.equal(outcome?.rcode, 0)
  })

  it('asks the next at once when one fails, and takes NXDOMAIN for an answer', async () => {
    const { outcome, asked, times } = await race([FIRST, SECOND], async (server) => {
      if (server === FIRST) throw new Error('refused')
      return message(WWW, 3)
    })
    assert.equal(outcome?.rcode, 3)
    assert.equal(asked.length, 2)
    assert.ok((times[1]?.atMs ?? 99) < 25)
  })

  it('passes a failure on only when nobody did better', async () => {
    const better = await race([FIRST, SECOND], async (server) =>
      message(WWW, server === FIRST ? 2 : 0),
    )
    assert.equal(better.outcome?.rcode, 0)
    const worse = await race([FIRST, SECOND], async () => message(WWW, 2))
    assert.equal(worse.outcome?.rcode, 2)
    assert.equal(worse.asked.length, 4)
  })

  it('asks a lone server again, then gives up', async () => {
    const { outcome, asked } = await race([FIRST], (_server, signal) => never(signal))
    assert.equal(outcome, undefined)
    assert.deepEqual(asked, ['192.0.2.1', '192.0.2.1', '192.0.2.1'])
  })

  it('ends every attempt when it is over', async () => {
    const signals: AbortSignal[] = []
    await race([FIRST, SECOND], async (server, signal) => {
      signals.push(signal)
      return server === FIRST ? never(signal) : message(WWW)
    })
    assert.ok(signals.length === 2 && signals.every((signal) => signal.aborted))
  })
})

interface Exchange {
  readonly query: Buffer
  readonly answer: (message: Message) => void
}

function forwarder(servers: readonly Server[] = [FIRST]) {
  const sent: Exchange[] = []
  const clock = { now: NOON }
  const made = new Forwarder({
    servers: () => servers,
    clock: () => clock.now,
    random: randomBytes,
    times: TIMES,
    exchange: (_server, query, signal) =>
      new Promise((resolve, reject) => {
        sent.push({ query: Buffer.from(query), answer: resolve })
        signal.addEventListener('abort', () => reject(new Error('given up')))
      }),
  })
  const answerAll = (ttl = 60) => {
    for (const { query, answer } of sent) answer(message(query, 0, ttl))
  }
  return { made, sent, clock, answerAll }
}

describe('forwarding', () => {
  it('makes identical questions under way one query', async () => {
    const { made, sent, answerAll } = forwarder()
    const asking = [WWW, queryFor('WWW.example.com', 'A', { id: 5 }), WWW].map((bytes) =>
      made.ask(question(bytes)),
    )
    const other = made.ask(question(queryFor('www.example.com', 'AAAA')))
    await Promise.resolve()
    assert.equal(sent.length, 2)
    answerAll()
    const kinds = (await Promise.all([...asking, other])).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['answered', 'answered', 'answered', 'answered'])
  })

  it('keeps an answer for its TTL and says how old it is', async () => {
    const { made, sent, clock, answerAll } = forwarder()
    const first = made.ask(question(WWW))
    answerAll(60)
    await first
    clock.now += 59_000
    const kept = await made.ask(question(WWW))
    assert.deepEqual([kept.kind, kept.kind === 'answered' && kept.ageSeconds], ['answered', 59])
    assert.equal(sent.length, 1)
    clock.now += 1000
    const again = made.ask(question(WWW))
    assert.equal(sent.length, 2)
    answerAll()
    assert.equal((await again).kind, 'answered')
  })

  it('does not answer one that asked for DNSSEC from what another was told', async () => {
    const { made, sent, answerAll } = forwarder()
    const plain = made.ask(question(WWW))
    answerAll()
    await plain
    const signed = made.ask(
      question(queryFor('www.example.com', 'A', { edns: true, dnssecOk: true })),
    )
    assert.equal(sent.length, 2)
    answerAll()
    await signed
  })

  it('knows its own query when it comes back, directly or through another forwarder', async () => {
    const { made, sent, answerAll } = forwarder()
    const asking = made.ask(question(WWW))
    const [query] = sent.map((one) => one.query)
    assert.ok(query)
    assert.equal((await made.ask(question(query))).kind, 'loop')
    const relayed = Buffer.from(query)
    relayed.writeUInt16BE(query.readUInt16BE(0) ^ 0xffff, 0)
    assert.equal((await made.ask(question(relayed))).kind, 'loop')
    // The asker itself is only slow to be answered.
    answerAll()
    assert.equal((await asking).kind, 'answered')
    assert.notEqual((await made.ask(question(query))).kind, 'loop')
  })

  it('says that nobody answered, or that there is nobody', async () => {
    const silent = forwarder()
    assert.equal((await silent.made.ask(question(WWW))).kind, 'silent')
    const alone = forwarder([])
    assert.equal((await alone.made.ask(question(WWW))).kind, 'none')
  })

  it('takes 512 questions at once and no more', async () => {
    const { made, sent, answerAll } = forwarder()
    const asking = Array.from({ length: 600 }, (_, i) =>
      made.ask(question(queryFor(`n${i}.example.com`, 'A'))),
    )
    assert.equal(sent.length, 512)
    answerAll()
    const kinds = (await Promise.all(asking)).map(({ kind }) => kind)
    assert.equal(kinds.filter((kind) => kind === 'busy').length, 88)
  })
})
