import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Client, startClient } from '../../client/client.ts'
import { uidDoor } from '../../client/peer/door.ts'
import { openPeerUids, type PeerUids } from '../../client/peer/uid.ts'
import { silentLog as log } from '../../process/log.ts'
import { httpOrigin, type ProxyUnderTest, proxyOn, run } from '../client/proxy-house.ts'
import { type RealHouse, realHouse } from '../client/real-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

const NOBODY = 65_534
const skip = process.geteuid?.() !== 0 && 'only root can start programs as somebody else'
const curlAs = (uid: number, ...args: string[]) =>
  run('curl', ['-sS', '-m', '5', ...args], { uid, gid: uid })

describe('another user of the machine', { skip }, () => {
  let uids: PeerUids
  let origin: Awaited<ReturnType<typeof httpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest

  before(async () => {
    uids = openPeerUids()
    origin = await httpOrigin((_incoming, outgoing) => outgoing.end('the wiki'))
    way = doubleWay({ 'wiki.corp.internal': { to: origin.port } })
    proxy = await proxyOn(way, { door: uidDoor(uids, 0, log) })
  })
  after(async () => {
    await proxy.close()
    origin.close()
    uids.close()
  })

  const hows = () => [
    ['--socks5-hostname', `127.0.0.1:${proxy.port}`],
    ['--socks4a', `127.0.0.1:${proxy.port}`],
    ['-x', `http://127.0.0.1:${proxy.port}`],
    ['-p', '-x', `http://127.0.0.1:${proxy.port}`],
  ]

  test('gets nothing from root’s proxy by any protocol, not even the PAC file', async () => {
    for (const how of hows()) {
      const other = await curlAs(NOBODY, ...how, 'http://wiki.corp.internal/')
      assert.notEqual(other.code, 0)
      assert.equal(other.stdout, '')
      assert.equal((await curlAs(0, ...how, 'http://wiki.corp.internal/')).stdout, 'the wiki')
    }
    const pac = await curlAs(NOBODY, `http://127.0.0.1:${proxy.port}/proxy.pac`)
    assert.equal(pac.stdout, '')
  })

  test('is not let in by closing at once: a socket that is left behind says uid 0', async () => {
    const asked = way.asked.length
    const accepted = proxy.front.counts.accepted
    const script = `
      const net = require('node:net')
      const bytes = 'GET http://wiki.corp.internal/ HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'
      let left = 100
      for (let at = 0; at < 100; at++) {
        const socket = net.connect(${proxy.port}, '127.0.0.1', () => socket.end(bytes, () => socket.destroy()))
        socket.on('error', () => {})
        socket.on('close', () => --left || setTimeout(process.exit, 250))
      }`
    // Its connections wait in the backlog, for this process stands still, and are judged when it is
    // gone and the kernel, once the ends are acknowledged, has forgotten whose they were.
    const other = spawnSync(process.execPath, ['-e', script], { uid: NOBODY, gid: NOBODY })
    assert.equal(other.status, 0, String(other.stderr))
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(way.asked.length, asked)
    assert.equal(proxy.front.counts.accepted, accepted)
    assert.ok(proxy.front.counts.otherUser >= 100)
  })

  test('cannot hold up the owner with connections that say nothing', async () => {
    const idle = spawn('sh', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${proxy.port}; sleep 3`], {
      uid: NOBODY,
      gid: NOBODY,
      stdio: 'ignore',
    })
    const { stdout } = await curlAs(0, ...(hows()[0] ?? []), 'http://wiki.corp.internal/')
    assert.equal(stdout, 'the wiki')
    idle.kill()
  })

  test('gets nothing either when it is root and the proxy is an ordinary user’s', async () => {
    const own = await proxyOn(way, { door: uidDoor(uids, NOBODY, log) })
    const how = ['--socks5-hostname', `127.0.0.1:${own.port}`, 'http://wiki.corp.internal/']
    assert.equal((await curlAs(0, ...how)).stdout, '')
    assert.equal((await curlAs(NOBODY, ...how)).stdout, 'the wiki')
    await own.close()
  })

  test('is told apart by an ordinary user’s process too, without any privilege', async () => {
    const file = new URL('../client/uid-server.ts', import.meta.url).pathname
    const flags = ['--disable-warning=ExperimentalWarning', file]
    const server = spawn(process.execPath, flags, { uid: NOBODY, gid: NOBODY })
    let errors = ''
    server.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const port = await new Promise<number>((resolve, reject) => {
      server.stdout.once('data', (line) => resolve(Number(line)))
      server.once('exit', () => reject(new Error(errors)))
    })
    const uidSeen = async (uid: number) =>
      (await curlAs(uid, `http://127.0.0.1:${port}/`, '--http0.9')).stdout
    assert.equal(await uidSeen(0), '0')
    assert.equal(await uidSeen(NOBODY), `${NOBODY}`)
    server.kill()
  })
})

describe('another user and the listeners in 127.80', { skip }, () => {
  let house: RealHouse
  let client: Client
  let origin: Awaited<ReturnType<typeof httpOrigin>>

  before(async () => {
    origin = await httpOrigin((_incoming, outgoing) => outgoing.end('the wiki'))
    house = await realHouse([{ host: 'wiki.corp.internal', to: origin.port, ports: [8080] }])
    const any = { address: '127.0.0.1', port: 0, isDefault: false }
    const settings = { socks: any, dns: any, loopback: true, only: false }
    const deps = { log, say: () => {}, clock: Date.now }
    client = await startClient(await house.profile('alice'), settings, deps)
    await client.way.ready(5000)
  })
  after(async () => {
    await client?.close()
    await house?.close()
    origin.close()
  })

  test('is reset there as well, and counted', async () => {
    const [host, port = ''] = (client.loopback?.dns ?? '').split(':')
    const dug = await run('dig', [`@${host}`, '-p', port, '+short', 'wiki.corp.internal'])
    const url = `http://${dug.stdout.trim()}:8080/`
    assert.equal((await curlAs(0, url)).stdout, 'the wiki')
    const other = await curlAs(NOBODY, url)
    assert.equal(other.stdout, '')
    assert.notEqual(other.code, 0)
    assert.equal(client.status().loopback?.counts.otherUser, 1)
  })
})

test('a connection that no program holds any more is nobody’s', async () => {
  const uids = openPeerUids()
  const way = doubleWay({})
  const own = process.geteuid?.() ?? 0
  const proxy = await proxyOn(way, { door: uidDoor(uids, own, log) })
  const socket = connect(proxy.port, '127.0.0.1')
  await new Promise((resolve) => socket.on('connect', resolve))
  socket.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(way.asked.length, 0)
  await proxy.close()
  uids.close()
})
