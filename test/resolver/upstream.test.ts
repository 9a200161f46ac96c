import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseHostname } from '../../names/hostname.ts'
import { lookupRecords } from '../../resolver/dns/lookup.ts'
import type { RaceTimes } from '../../resolver/dns/race.ts'
import type { Server } from '../../resolver/dns/system.ts'
import { exchange, makeUpstream, systemServers } from '../../resolver/dns/upstream.ts'
import { ask, type DnsHandler, dig, NO_DIG, replyTo, serve, setUp, startDns } from './setup.ts'

const TIMES: RaceTimes = { staggerMs: 60, againMs: 200, budgetMs: 1500 }
const a = (data = '192.0.2.80') => ({ type: 'A', name: 'www.example.com', ttl: 300, data })
const answering: DnsHandler = (query) => [replyTo(query, [a()])]

/** A resolver of ours that asks these servers for what is not its own. */
async function resolverOver(t: TestContext, servers: readonly Server[]) {
  const upstream = makeUpstream({ servers: () => servers, clock: Date.now, times: TIMES })
  const { resolver } = setUp({ upstream })
  const { port } = await serve(t, resolver)
  return { resolver, port }
}

const on = (port: number): Server => ({ address: '127.0.0.1', port })

describe('a name that is not ours', () => {
  it('is asked of the other resolver, and answered to dig as it said', {
    skip: NO_DIG,
  }, async (t) => {
    const server = await startDns(t, answering)
    const { port } = await resolverOver(t, [on(server.port)])
    assert.equal(await dig(port, '+short', 'www.example.com', 'A'), '192.0.2.80\n')
    assert.equal(server.queries.length, 1)
    // Kept: no second query.
    assert.match(
      await dig(port, 'www.example.com', 'A'),
      /www\.example\.com\.\s+(300|299)\s+IN\s+A/,
    )
    assert.equal(server.queries.length, 1)
  })

  it('is asked from a new port with a new id each time', async (t) => {
    const ports = new Set<number>()
    const server = await startDns(t, (query) => [replyTo(query, [])])
    const { resolver } = await resolverOver(t, [on(server.port)])
    for (let i = 0; i < 10; i++) {
      await ask(resolver, `n${i}.example.com`, 'A')
      ports.add(server.lastAsker()?.port ?? 0)
    }
    assert.ok(ports.size >= 8)
    assert.ok(new Set(server.queries.map(({ bytes }) => bytes.readUInt16BE(0))).size >= 8)
  })

  it('is not there, and nothing else happens, when no network leads to the resolver', async () => {
    // The kernel refuses at once to connect there, as it does to any address without a network.
    const nowhere = { address: '255.255.255.255', port: 53 }
    const asked = exchange(nowhere, Buffer.alloc(12), AbortSignal.timeout(5_000))
    await assert.rejects(asked, { code: 'EACCES' })
  })

  it('is given up at any moment, and nothing else happens', async (t) => {
    const { port } = await startDns(t, () => [])
    for (let turns = 0; turns < 12; turns++) {
      const abort = new AbortController()
      const asked = exchange(on(port), Buffer.alloc(12), abort.signal)
      for (let i = 0; i < turns; i++) await new Promise((resolve) => process.nextTick(resolve))
      abort.abort()
      await assert.rejects(asked, { name: 'AbortError' })
    }
    // What Node says of a closed socket, it says in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it('is asked over TCP when the answer was cut', { skip: NO_DIG }, async (t) => {
    const server = await startDns(t, (query, via) =>
      via === 'udp'
        ? [replyTo(query, [], { flags: 0x380 })]
        : [
            replyTo(
              query,
              Array.from({ length: 100 }, (_, i) => a(`192.0.2.${i}`)),
            ),
          ],
    )
    const { port } = await resolverOver(t, [on(server.port)])
    const output = await dig(port, '+short', 'www.example.com', 'A')
    assert.equal(output.trim().split('\n').length, 100)
    assert.deepEqual(
      server.queries.map(({ via }) => via),
      ['udp', 'tcp'],
    )
  })

  it('is asked over TCP when the letters’ case was lost', async (t) => {
    const lower: DnsHandler = (query, via) => {
      const reply = replyTo(query, [a(via === 'udp' ? '203.0.113.66' : '192.0.2.80')])
      reply.write(reply.toString('latin1', 12, 29).toLowerCase(), 12, 'latin1')
      return [reply]
    }
    const server = await startDns(t, lower)
    const { resolver } = await resolverOver(t, [on(server.port)])
    assert.deepEqual((await ask(resolver, 'www.example.com', 'A')).answers, ['A 192.0.2.80'])
  })

  it('is asked of the second server while the first is silent', async (t) => {
    const [silent, second] = [await startDns(t, () => []), await startDns(t, answering)]
    const { resolver } = await resolverOver(t, [on(silent.port), on(second.port)])
    const start = performance.now()
    assert.deepEqual((await ask(resolver, 'www.example.com', 'A')).answers, ['A 192.0.2.80'])
    assert.ok(performance.now() - start < 1000)
    assert.equal(silent.queries.length, 1)
  })

  it('is asked of the second server at once where nobody listens at the first', async (t) => {
    const closed = await startDns(t, answering)
    const second = await startDns(t, answering)
    const { resolver } = await resolverOver(t, [
      { address: '127.9.9.9', port: closed.port },
      on(second.port),
    ])
    assert.deepEqual((await ask(resolver, 'www.example.com', 'A')).answers, ['A 192.0.2.80'])
  })

  it('is SERVFAIL, in time for the asker, when nobody answers', async (t) => {
    const silent = await startDns(t, () => [])
    const { resolver } = await resolverOver(t, [on(silent.port)])
    const { rcode, ede } = await ask(resolver, 'www.example.com', 'A', { edns: true })
    assert.deepEqual([rcode, ede], ['SERVFAIL', '22 no other resolver answered'])
  })

  it('is SERVFAIL, not a storm, when the other resolver asks us in turn', {
    skip: NO_DIG,
  }, async (t) => {
    const servers: Server[] = []
    const upstream = makeUpstream({ servers: () => servers, clock: Date.now, times: TIMES })
    const { resolver } = setUp({ upstream })
    let questions = 0
    const { port } = await serve(t, {
      nameAt: () => undefined,
      answer: (query, via) => {
        questions++
        return resolver.answer(query, via)
      },
    })
    servers.push(on(port))
    assert.match(await dig(port, 'www.example.com', 'A'), /status: SERVFAIL/)
    assert.equal(questions, 4)
  })
})

describe('the records of a name, for a connector', () => {
  const name = parseHostname('_ldap._tcp.corp.internal')
  const srv = {
    type: 'SRV',
    name: '_ldap._tcp.corp.internal',
    ttl: 120,
    data: { priority: 1, weight: 2, port: 389, target: 'dc.corp.internal' },
  }

  it('come with their names written out', async (t) => {
    const server = await startDns(t, (query) => [replyTo(query, [srv])])
    const found = await lookupRecords(name, 'SRV', [on(server.port)], TIMES)
    assert.partialDeepStrictEqual(found, { kind: 'exists', ttlSeconds: 120 })
    const [record] = found.records ?? []
    assert.partialDeepStrictEqual(record, {
      name: '_ldap._tcp.corp.internal',
      type: 'SRV',
      ttl: 120,
    })
    const data = Buffer.from(record?.dataBase64 ?? '', 'base64').toString('latin1')
    assert.equal(data, '\x00\x01\x00\x02\x01\x85\x02dc\x04corp\x08internal\x00')
  })

  it('come with the CNAMEs that lead to them, and without anything else', async (t) => {
    const server = await startDns(t, (query) => [
      replyTo(query, [
        { type: 'CNAME', name: '_ldap._tcp.corp.internal', ttl: 60, data: 'x.corp.internal' },
        { ...srv, name: 'x.corp.internal' },
        { type: 'A', name: 'x.corp.internal', ttl: 60, data: '127.0.0.1' },
      ]),
    ])
    const found = await lookupRecords(name, 'SRV', [on(server.port)], TIMES)
    assert.deepEqual(
      found.records?.map(({ type }) => type),
      ['CNAME', 'SRV'],
    )
  })

  for (const [rcode, answers, kind] of [
    [3, [], 'absent'],
    [0, [], 'no-data'],
    [
      0,
      [{ type: 'CNAME', name: '_ldap._tcp.corp.internal', ttl: 60, data: 'x.corp.internal' }],
      'no-data',
    ],
    [2, [], 'failed'],
    [5, [], 'failed'],
  ] as const) {
    it(`are ${kind} for rcode ${rcode} with ${answers.length} records`, async (t) => {
      const server = await startDns(t, (query) => [
        replyTo(query, answers, { flags: 0x180 | rcode }),
      ])
      const found = await lookupRecords(name, 'SRV', [on(server.port)], TIMES)
      assert.equal(found.kind, kind)
    })
  }

  it('are failed, with a reason, where nobody answers or there is no such type', async (t) => {
    const silent = await startDns(t, () => [])
    const times = { ...TIMES, budgetMs: 100 }
    const found = await lookupRecords(name, 'SRV', [on(silent.port)], times)
    assert.deepEqual(found, { kind: 'failed', ttlSeconds: 0, reason: 'no DNS server answered' })
    assert.equal((await lookupRecords(name, 'NONSENSE', [on(silent.port)])).kind, 'failed')
    assert.equal((await lookupRecords(name, 'SRV', [])).kind, 'failed')
  })

  it('are failed when they are too many for one message', async (t) => {
    const txt = { type: 'TXT', name: '_ldap._tcp.corp.internal', ttl: 60, data: 'x'.repeat(200) }
    const server = await startDns(t, (query) => [
      replyTo(
        query,
        Array.from({ length: 65 }, () => txt),
      ),
    ])
    const found = await lookupRecords(name, 'TXT', [on(server.port)], TIMES)
    assert.equal(found.kind, 'failed')
  })
})

describe('the system’s resolvers', () => {
  it('are read anew each time, since they change', (t) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'byname-resolv-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const file = path.join(directory, 'resolv.conf')
    assert.deepEqual(systemServers([], file), [{ address: '127.0.0.1', port: 53 }])
    writeFileSync(file, 'nameserver 192.0.2.1\n')
    assert.deepEqual(systemServers([], file), [{ address: '192.0.2.1', port: 53 }])
  })
})
