import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { type Client, startClient } from '../../client/client.ts'
import { readProfile } from '../../client/profile.ts'
import { makePost } from '../../client/session/post.ts'
import { freshSession, readSession } from '../../client/session.ts'
import type { ClientSettings } from '../../client/settings.ts'
import { silentLog as log } from '../../process/log.ts'
import { curl, httpOrigin } from './proxy-house.ts'
import { type RealHouse, realHouse } from './real-house.ts'
import { until } from './until.ts'

const ANY_PORT = { address: '127.0.0.1', port: 0, isDefault: false }
const SETTINGS: ClientSettings = { socks: ANY_PORT, dns: ANY_PORT, loopback: false, only: false }

describe('a client, when things break', () => {
  let house: RealHouse
  let web: Awaited<ReturnType<typeof httpOrigin>>
  const clients = new Set<Client>()
  const said: string[] = []

  before(async () => {
    web = await httpOrigin((_incoming, outgoing) => outgoing.end('the wiki'))
    house = await realHouse([{ host: 'wiki.corp.internal', to: web.port, ports: [80] }])
  })
  afterEach(async () => {
    for (const client of clients) await client.close()
    clients.clear()
    said.length = 0
  })
  after(async () => {
    await house?.close()
    web.close()
  })

  async function start(more: Partial<ClientSettings> = {}): Promise<Client> {
    const profile = await house.profile('alice')
    const deps = { log, say: (sentence: string) => said.push(sentence), clock: Date.now }
    const client = await startClient(profile, { ...SETTINGS, ...more }, deps)
    clients.add(client)
    await client.way.ready(5000)
    return client
  }

  const wiki = ({ proxy }: Client) =>
    curl('-w', ' %{http_code}', '-x', `http://${proxy.at}`, 'http://wiki.corp.internal/')

  test('an edge that restarts is found again, and a request waits for it meanwhile', async () => {
    const client = await start()
    assert.equal((await wiki(client)).stdout, 'the wiki 200')
    await house.stopEdge()
    await until(() => client.way.status().tunnel === 'connecting')
    const waiting = wiki(client)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await house.startEdge()
    const answered = await waiting
    // The connector may come back after the client: then the sentence says so, and the next one works.
    assert.match(answered.stdout, /the wiki 200|no connector|503/)
    await until(async () => (await wiki(client)).stdout === 'the wiki 200')
  })

  test('a token that is spent is renewed over HTTPS with the pinned CA', async () => {
    const profile = await house.profile('alice')
    const before = await readSession(profile, Date.now())
    const deps = { post: makePost(), clock: Date.now }
    const after = await freshSession(profile, deps, before.token)
    assert.notEqual(after.token, before.token)
    assert.equal(after.sessionId, before.sessionId)
    assert.equal((await readSession(profile, Date.now())).token, after.token)
  })

  test('another CA than the pinned one is not spoken to', async () => {
    const profile = await house.profile('alice')
    const { edge: mine, ...rest } = profile
    const other = await readProfile(profile.directory)
    const caPem = (await otherCa()) ?? ''
    const deps = { post: makePost(), clock: Date.now }
    const { token } = await readSession(other, Date.now())
    const attempt = freshSession({ ...rest, edge: { ...mine, caPem } }, deps, token)
    await assert.rejects(attempt, { code: 'ERR_EDGE_UNREACHABLE' })
  })

  test('a CONNECT proxy in front of the edge carries the tunnel and the renewal', async () => {
    const proxy = await connectProxy()
    const client = await start({ proxy: `http://me:secret@127.0.0.1:${proxy.port}` })
    await until(() => client.way.status().tunnel === 'open')
    assert.equal((await wiki(client)).stdout, 'the wiki 200')
    const profile = await house.profile('alice')
    const { token } = await readSession(profile, Date.now())
    const post = makePost(`http://me:secret@127.0.0.1:${proxy.port}`)
    await freshSession(profile, { post, clock: Date.now }, token)
    const authority = new URL(house.edgeUrl).host
    assert.deepEqual(new Set(proxy.seen), new Set([`${authority} Basic bWU6c2VjcmV0`]))
    assert.ok(proxy.seen.length >= 2)
    proxy.close()
  })

  test('a revoked session is cut, said, and ends new requests with the reason', async () => {
    const client = await start()
    assert.equal((await wiki(client)).stdout, 'the wiki 200')
    const profile = await house.profile('alice')
    const { sessionId } = await readSession(profile, Date.now())
    await house.control('session.revoke', { session: sessionId })
    await until(() => client.way.status().tunnel === 'session-over')
    const { stdout } = await wiki(client)
    assert.match(stdout, /alice@example\.com may not reach wiki\.corp\.internal:80: .* 403$/s)
    // It is written down: the next process does not have to ask the edge.
    await assert.rejects(start(), { code: 'ERR_SESSION_OVER', exitCode: 4 })
  })

  async function otherCa(): Promise<string | undefined> {
    const file = path.join(house.directory, 'other')
    const { loadCertificates } = await import('../../edge/ca.ts')
    const names = ['127.0.0.1']
    await loadCertificates({ directory: file, edgeName: 'edge', names, now: Date.now() })
    return loadCertificates({ directory: file, edgeName: 'edge', names, now: Date.now() }).then(
      ({ caPem }) => caPem,
    )
  }
})

interface ConnectProxy {
  readonly port: number
  readonly seen: string[]
  close(): void
}

/** A corporate proxy: CONNECT only, with a password. */
async function connectProxy(): Promise<ConnectProxy> {
  const seen: string[] = []
  const server: Server = createServer()
  server.on('connect', (request, socket, head) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization']}`)
    const { hostname, port } = new URL(`http://${request.url}`)
    const outer = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      outer.write(head)
      socket.pipe(outer).pipe(socket)
    })
    outer.on('error', () => socket.destroy())
    socket.on('error', () => outer.destroy())
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { port: (server.address() as AddressInfo).port, seen, close: () => server.close() }
}
