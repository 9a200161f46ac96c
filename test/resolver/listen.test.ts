import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, it, type TestContext } from 'node:test'
import { FrameReader, frame } from '../../resolver/dns/frames.ts'
import type { Resolved } from '../../resolver/dns/lookup.ts'
import { bindResolver, serveResolver } from '../../resolver/listen.ts'
import { dig, NO_DIG, queryFor, read, serve, setUp } from './setup.ts'

const NO_IPV6 = networkInterfaces().lo?.some(({ address }) => address === '::1')
  ? false
  : 'loopback has no ::1'

const wiki = (id = 1) => queryFor('wiki.corp.internal', 'A', { id })

/** A TCP connection that collects the messages it gets, until `count` of them or its end. */
function converse(t: TestContext, port: number, host = '127.0.0.1') {
  const socket = connect(port, host)
  t.after(() => socket.destroy())
  const reader = new FrameReader(65535)
  const messages: Uint8Array[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => messages.push(...(reader.push(chunk) ?? [])))
  const closed = new Promise<void>((done) => socket.on('close', () => done()))
  const has = async (count: number) => {
    while (messages.length < count && !socket.destroyed) await once(socket, 'data')
    return messages.map((message) => read(message))
  }
  return { socket, has, closed, messages }
}

async function askUdp(t: TestContext, port: number, query: Uint8Array, host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  t.after(() => socket.close())
  socket.send(query, port, host)
  const [answer] = (await once(socket, 'message')) as [Buffer]
  return read(answer)
}

describe('dig against the listener', { skip: NO_DIG }, () => {
  for (const [args, expected] of [
    [['+short', 'wiki.corp.internal'], /^198\.19\.0\.2\n$/],
    [['+short', '+tcp', 'wiki.corp.internal'], /^198\.19\.0\.2\n$/],
    [['+short', '+noedns', 'wiki.corp.internal', 'AAAA'], /^2001:2:0:abcd::2\n$/],
    [['wIkI.corp.internal'], /^wIkI\.corp\.internal\.\s+60\s+IN\s+A\s+198\.19\.0\.2$/m],
    [
      ['wiki.corp.internal', 'HTTPS'],
      /status: NOERROR[\s\S]*AUTHORITY: 1[\s\S]*corp\.internal\.\s+10\s+IN\s+SOA/,
    ],
    [['nothing.corp.internal'], /status: NXDOMAIN[\s\S]*corp\.internal\.\s+10\s+IN\s+SOA/],
    [['wiki.corp.internal', 'ANY', '+notcp'], /HINFO\s+"RFC8482" ""/],
    [['+dnssec', 'wiki.corp.internal'], /flags: qr rd ra;[\s\S]*flags: do; udp: 1232/],
    [['+bufsize=4096', 'wiki.corp.internal'], /udp: 1232/],
    [['+edns=1', '+noednsneg', 'wiki.corp.internal'], /status: BADVERS/],
    [['+opcode=NOTIFY', 'wiki.corp.internal'], /status: NOTIMP/],
    [['+opcode=UPDATE', 'wiki.corp.internal'], /status: NOTIMP/],
    [['+header-only'], /status: FORMERR/],
    [['-c', 'CH', 'version.bind', 'TXT'], /status: REFUSED/],
    [['AXFR', 'corp.internal'], /Transfer failed|REFUSED/],
    [['+norecurse', '+short', 'wiki.corp.internal'], /^198\.19\.0\.2\n$/],
    [
      ['+cookie', '+nsid', '+subnet=192.0.2.0/24', '+short', 'wiki.corp.internal'],
      /^198\.19\.0\.2\n$/,
    ],
    [['strict.example', '+edns'], /EDE: 18 \(Prohibited\)/],
  ] as const) {
    it(`says what it should to ${args.join(' ')}`, async (t) => {
      const { resolver } = setUp()
      const { port } = await serve(t, resolver)
      assert.match(await dig(port, ...args), expected)
    })
  }

  it('gives the name for -x of an address that it gave', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    await dig(port, 'wiki.corp.internal')
    assert.equal(await dig(port, '+short', '-x', '198.19.0.2'), 'wiki.corp.internal.\n')
  })

  it('turns to TCP by itself when the answer is cut', async (t) => {
    const text = Buffer.from(`\x64${'t'.repeat(100)}`).toString('base64')
    const txt = { name: 'wiki.corp.internal', type: 'TXT', ttl: 60, dataBase64: text }
    const records = Array.from({ length: 30 }, () => txt)
    const { resolver } = setUp({
      askConnector: async () => ({ kind: 'exists', ttlSeconds: 60, records }),
    })
    const { port } = await serve(t, resolver)
    const output = await dig(port, 'wiki.corp.internal', 'TXT')
    assert.match(output, /Truncated, retrying in TCP/)
    assert.match(output, /ANSWER: 30/)
  })
})

describe('a TCP connection', () => {
  it('is answered question by question, however its octets come', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    const { socket, has } = converse(t, port)
    const stream = Buffer.concat([frame(wiki(1)), frame(wiki(2)), frame(wiki(3))])
    for (const octet of stream) {
      socket.write(Buffer.of(octet))
      await new Promise((done) => setImmediate(done))
    }
    assert.deepEqual(
      (await has(3)).map(({ packet }) => packet.id),
      [1, 2, 3],
    )
  })

  it('is answered out of order when a question must wait for somebody', async (t) => {
    const waiting: ((resolved: Resolved) => void)[] = []
    const { resolver } = setUp({ askConnector: () => new Promise((done) => waiting.push(done)) })
    const { port } = await serve(t, resolver)
    const { socket, has } = converse(t, port)
    const slow = queryFor('x.ci.corp.internal', 'A', { id: 1 })
    socket.write(Buffer.concat([frame(slow), frame(wiki(2))]))
    assert.deepEqual(
      (await has(1)).map(({ packet }) => packet.id),
      [2],
    )
    for (const done of waiting) done({ kind: 'exists', ttlSeconds: 60 })
    assert.deepEqual(
      (await has(2)).map(({ packet }) => packet.id),
      [2, 1],
    )
  })

  it('has a bounded number of questions under way; all are answered in the end', async (t) => {
    let underWay = 0
    let most = 0
    const { resolver } = setUp({
      askConnector: async () => {
        most = Math.max(most, ++underWay)
        await new Promise((done) => setTimeout(done, 2))
        underWay--
        return { kind: 'exists', ttlSeconds: 60 }
      },
    })
    const { port } = await serve(t, resolver, { pipelined: 8 })
    const { socket, has } = converse(t, port)
    const names = Array.from({ length: 100 }, (_, i) => `x${i}.ci.corp.internal`)
    socket.write(Buffer.concat(names.map((name, id) => frame(queryFor(name, 'A', { id })))))
    const ids = (await has(100)).map(({ packet }) => packet.id)
    assert.equal(new Set(ids).size, 100)
    assert.equal(most, 8)
  })

  it('of one who has said all is answered to the end, then closed', async (t) => {
    const { resolver } = setUp({
      askConnector: async () => {
        await new Promise((done) => setTimeout(done, 20))
        return { kind: 'exists', ttlSeconds: 60 }
      },
    })
    const { port } = await serve(t, resolver)
    const { socket, closed, messages } = converse(t, port)
    socket.end(frame(queryFor('x.ci.corp.internal', 'A', { id: 7 })))
    await closed
    assert.deepEqual(
      messages.map((message) => read(message).packet.id),
      [7],
    )
  })

  it('is closed when idle, even while octets of an unfinished question drip in', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver, { idleMs: 60 })
    const { socket, has, closed } = converse(t, port)
    socket.write(frame(wiki()))
    await has(1)
    const start = performance.now()
    const drip = setInterval(() => socket.write(Buffer.of(0)), 20)
    t.after(() => clearInterval(drip))
    socket.write(Buffer.of(1))
    await closed
    assert.ok(performance.now() - start < 1000)
  })

  it('is closed at a question over 4 KiB or of no length', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    for (const head of [Buffer.of(0x10, 0x01), Buffer.of(0, 0)]) {
      const { socket, closed, messages } = converse(t, port)
      socket.write(head)
      await closed
      assert.deepEqual(messages, [])
    }
  })

  it('whose answers nobody reads holds a bounded amount, then is closed', async (t) => {
    let answered = 0
    const { resolver } = setUp()
    const counting = {
      nameAt: () => undefined,
      answer: (query: Uint8Array, via: 'udp' | 'tcp') => {
        answered++
        return resolver.answer(query, via)
      },
    }
    const { port } = await serve(t, counting, { idleMs: 300 })
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.pause()
    const closed = new Promise((done) => socket.on('close', done))
    const many = Buffer.concat(Array.from({ length: 1000 }, (_, id) => frame(wiki(id))))
    const pushed = { count: 0 }
    const push = () => {
      while (!socket.destroyed && pushed.count < 400_000) {
        pushed.count += 1000
        if (!socket.write(many)) return void socket.once('drain', push)
      }
    }
    push()
    // Ours closes it; a paused socket learns of that when it writes on.
    const poke = setInterval(() => socket.write(Buffer.of(0)), 50)
    t.after(() => clearInterval(poke))
    await closed
    assert.ok(answered < pushed.count, `${answered} of ${pushed.count}`)
  })

  it('is not taken beyond the bound, and taken again when one has gone', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver, { connections: 2 })
    const [one, two] = [converse(t, port), converse(t, port)]
    for (const { socket, has } of [one, two]) {
      socket.write(frame(wiki()))
      await has(1)
    }
    await converse(t, port).closed
    one.socket.end()
    await one.closed
    const three = converse(t, port)
    three.socket.write(frame(wiki()))
    assert.equal((await three.has(1)).length, 1)
  })
})

describe('sockets from elsewhere', () => {
  it('are served as well: a dgram socket, a server, a single connection', async (t) => {
    const { resolver } = setUp()
    const service = serveResolver(resolver)
    t.after(() => service.close())
    const udp = createSocket('udp4')
    await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done))
    service.addUdp(udp)
    assert.deepEqual((await askUdp(t, udp.address().port, wiki())).answers, ['A 198.19.0.2'])

    // As a transparent listener has them: connections of every kind, of which this one is DNS.
    const server = createServer((socket: Socket) => service.takeConnection(socket))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    t.after(() => server.close())
    const { socket, has } = converse(t, (server.address() as { port: number }).port)
    socket.write(frame(wiki()))
    assert.equal((await has(1)).length, 1)
  })

  it('may be of IPv6', { skip: NO_IPV6 }, async (t) => {
    const { resolver } = setUp()
    const service = serveResolver(resolver)
    t.after(() => service.close())
    const { udp, tcp, port } = await bindResolver('::1', 0)
    service.addUdp(udp)
    service.addServer(tcp)
    assert.equal((await askUdp(t, port, wiki(), '::1')).rcode, 'NOERROR')
    const { socket, has } = converse(t, port, '::1')
    socket.write(frame(wiki()))
    assert.equal((await has(1)).length, 1)
  })
})

describe('the service', () => {
  it('says SERVFAIL to questions that would wait beyond the bound, and answers the others', async (t) => {
    const never = () => new Promise<Resolved>(() => {})
    const { resolver, asked } = setUp({
      askConnector: never,
      maxWaiting: 5,
      askTimeoutMs: 500,
    })
    const { port } = await serve(t, resolver)
    const socket = createSocket('udp4')
    t.after(() => socket.close())
    const name = (i: number) => `x${i % 10}.ci.corp.internal`
    for (let i = 0; i < 20; i++) socket.send(queryFor(name(i), 'A'), port, '127.0.0.1')
    const busy = await askUdp(t, port, queryFor('more.ci.corp.internal', 'A', { edns: true }))
    assert.deepEqual(
      [busy.rcode, busy.ede],
      ['SERVFAIL', '0 too many questions wait for an answer'],
    )
    assert.equal(asked.length, 5)
    assert.deepEqual((await askUdp(t, port, wiki())).answers, ['A 198.19.0.2'])
  })

  it('refuses a port that is taken', async (t) => {
    const { resolver } = setUp()
    const { port } = await serve(t, resolver)
    await assert.rejects(bindResolver('127.0.0.1', port), { code: 'EADDRINUSE' })
  })

  it('closes all it has, open conversations too', async (t) => {
    const { resolver } = setUp()
    const { port, service } = await serve(t, resolver)
    const { socket, has, closed } = converse(t, port)
    socket.write(frame(wiki()))
    await has(1)
    await service.close()
    await closed
  })
})
