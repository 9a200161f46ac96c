import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import dns, { type Packet } from 'dns-packet'
import { serveHttp } from './origin.ts'
import { runInside, users } from './start.ts'

/** A DNS server of the host that knows www.example.org (127.0.0.1) and one long text. */
let udp: Socket
let tcp: Server
let port = 0
before(async () => {
  udp = createSocket('udp4')
  await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done))
  port = udp.address().port
  udp.on('message', (query, from) => udp.send(answer(query), from.port, from.address))
  tcp = createServer((socket) =>
    socket.on('data', (query) => socket.end(framed(Buffer.from(query)))),
  )
  await new Promise<void>((done) => tcp.listen(port, '127.0.0.1', done))
})
after(() => {
  udp.close()
  tcp.close()
})

function answer(query: Uint8Array): Buffer {
  const { id, questions = [] } = dns.decode(Buffer.from(query))
  const [question] = questions
  const found = question?.type === 'A' && question.name.toLowerCase() === 'www.example.org'
  const answers: Packet['answers'] = found
    ? [{ type: 'A', name: question.name, ttl: 60, data: '127.0.0.1' }]
    : []
  return dns.encode({ type: 'response', id: id ?? 0, flags: 0x180, questions, answers })
}

function framed(query: Buffer): Buffer {
  const message = answer(query.subarray(2))
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])
}

for (const user of users()) {
  describe(`names that byname does not own, as ${user.name}`, { concurrency: 2 }, () => {
    test('resolve and connect as they would outside', async () => {
      const host = await serveHttp('outside')
      const url = `http://www.example.org:${host.port}/`
      const { stdout, stderr } = await runInside(user, ['curl', '-sS', url], { dnsPort: port })
      host.close()
      assert.equal(stdout, `outside for www.example.org:${host.port} GET /\n`, stderr)
    })

    test('are asked over UDP and TCP, of whichever server, and byname answers', async () => {
      const dig = (...words: string[]) => ['dig', '+short', '+time=2', '+tries=1', ...words]
      for (const words of [
        dig('www.example.org', '@192.0.2.53'),
        dig('+tcp', 'www.example.org', '@192.0.2.53'),
      ]) {
        const { stdout } = await runInside(user, words, { dnsPort: port })
        assert.equal(stdout, '127.0.0.1\n', words.join(' '))
      }
    })

    test('the names that are ours are answered in the same way, from our range', async () => {
      const words = ['dig', '+short', 'wiki.corp.internal', '@192.0.2.53']
      const names = { 'wiki.corp.internal': 1 }
      const { stdout } = await runInside(user, words, { dnsPort: port, names })
      assert.match(stdout, /^198\.19\.\d+\.\d+\n$/)
    })
  })
}
