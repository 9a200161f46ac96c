import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { encodeQuery, ownerOf, readAnswer, type SocketFacts } from '../../client/peer/diag.ts'
import { openPeerUids, type PeerUids } from '../../client/peer/uid.ts'

const ME = process.geteuid?.()

describe('the uid of a loopback peer', () => {
  let uids: PeerUids
  before(() => {
    uids = openPeerUids()
  })
  after(() => uids.close())

  for (const [address, dialled] of [
    ['127.0.0.1', '127.0.0.1'],
    ['127.80.3.7', '127.80.3.7'],
    ['::1', '::1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
  ] as const) {
    test(`is this process’s own at ${address} dialled as ${dialled}`, async () => {
      await using pair = await connected(address, dialled)
      assert.equal(uids.uidOf(pair.accepted), ME)
    })
  }

  test('is another user’s for a program of another user', async (t) => {
    if (ME !== 0) return t.skip('only root can start a program as somebody else')
    await using pair = await connected('127.0.0.1', '127.0.0.1', 65_534)
    assert.equal(uids.uidOf(pair.accepted), 65_534)
  })

  test('is nobody’s once the program has closed, whatever the kernel still holds', async () => {
    await using pair = await connected('127.0.0.1', '127.0.0.1')
    const tuple = {
      localAddress: pair.accepted.localAddress,
      localPort: pair.accepted.localPort,
      remoteAddress: pair.accepted.remoteAddress,
      remotePort: pair.accepted.remotePort,
    } as Socket
    pair.client?.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(uids.uidOf(tuple), undefined)
  })

  test('is not that of a listener on the port that the peer had', async (t) => {
    await using pair = await connected('127.0.0.1', '127.0.0.1')
    const { remotePort, localPort } = pair.accepted
    pair.client?.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const other = createServer()
    t.after(() => other.close())
    other.listen(remotePort, '127.0.0.1')
    const [listens] = await Promise.race([
      once(other, 'listening').then(() => [true]),
      failure(other),
    ])
    // Another test's connection may have taken the port meanwhile.
    if (!listens) return t.diagnostic(`port ${remotePort} is somebody else's by now`)
    const asked = { localAddress: '127.0.0.1', localPort, remoteAddress: '127.0.0.1', remotePort }
    assert.equal(uids.uidOf(asked as Socket), undefined)
  })

  test('costs far less than 4.5 ms', async () => {
    await using pair = await connected('127.0.0.1', '127.0.0.1')
    const begin = performance.now()
    for (let at = 0; at < 200; at++) uids.uidOf(pair.accepted)
    const micros = ((performance.now() - begin) * 1000) / 200
    assert.ok(micros < 1000, `${micros} µs`)
  })
})

describe('an answer of the kernel', () => {
  const asked = {
    local: { address: '127.0.0.1', port: 40_000 },
    remote: { address: '127.0.0.1', port: 1080 },
  }
  const facts: SocketFacts = { ...asked, state: 1, uid: 1000, inode: 5 }

  test('counts only for the very connection, alive and owned', () => {
    assert.equal(ownerOf(facts, asked), 1000)
    assert.equal(ownerOf(undefined, asked), undefined)
    for (const state of [2, 3, 6, 7, 10, 12])
      assert.equal(ownerOf({ ...facts, state }, asked), undefined)
    // What TIME-WAIT and orphans look like: uid 0 of nobody.
    assert.equal(ownerOf({ ...facts, uid: 0, inode: 0 }, asked), undefined)
    const remote = { address: '127.0.0.1', port: 1081 }
    assert.equal(ownerOf({ ...facts, remote }, asked), undefined)
    const local = { address: '127.0.0.2', port: 40_000 }
    assert.equal(ownerOf({ ...facts, local }, asked), undefined)
  })

  test('that is short or of another kind is none', () => {
    const query = encodeQuery(asked)
    assert.equal(readAnswer(query.subarray(0, 40)), undefined)
    const other = Buffer.alloc(100)
    other.writeUInt16LE(2, 4)
    assert.equal(readAnswer(other), undefined)
  })
})

const failure = async (server: Server): Promise<[boolean]> => {
  await new Promise((resolve) => server.once('error', resolve))
  return [false]
}

interface Connected {
  readonly accepted: Socket
  readonly client: Socket | undefined
  [Symbol.asyncDispose](): Promise<void>
}

async function connected(address: string, dialled: string, uid?: number): Promise<Connected> {
  const server = createServer()
  server.listen(0, address)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const accepting = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const client = uid === undefined ? connect(port, dialled) : undefined
  client?.on('error', () => {})
  const child = uid === undefined ? undefined : dialAs(uid, port, dialled)
  const accepted = await accepting
  accepted.on('error', () => {})
  return {
    accepted,
    client,
    [Symbol.asyncDispose]: () => end(server, accepted, client, child),
  }
}

function dialAs(uid: number, port: number, address: string): ChildProcess {
  return spawn('curl', ['-s', '-m', '5', `telnet://${address}:${port}`], { uid, gid: uid })
}

async function end(server: Server, ...ends: (Socket | ChildProcess | undefined)[]): Promise<void> {
  for (const one of ends) {
    if (one && 'destroy' in one) one.destroy()
    else one?.kill()
  }
  await new Promise((resolve) => server.close(resolve))
}
