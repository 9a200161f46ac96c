import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Client, startClient } from '../../client/client.ts'
import type { ClientSettings } from '../../client/settings.ts'
import { trace } from '../../client/trace.ts'
import { parseHostname } from '../../names/hostname.ts'
import { silentLog as log } from '../../process/log.ts'
import { bodyOf, closedPort, curl, httpOrigin, run, tcpOrigin } from './proxy-house.ts'
import { NOBODY, type RealHouse, realHouse } from './real-house.ts'
import { until } from './until.ts'

const ANY_PORT = { address: '127.0.0.1', port: 0, isDefault: false }
const SETTINGS: ClientSettings = { socks: ANY_PORT, dns: ANY_PORT, loopback: true, only: false }

describe('the client with the real edge and connector', () => {
  let house: RealHouse
  let web: Awaited<ReturnType<typeof httpOrigin>>
  let tcp: Awaited<ReturnType<typeof tcpOrigin>>
  let alice: Client
  let bob: Client
  const said: string[] = []

  const start = async (name: 'alice' | 'bob') => {
    const client = await startClient(await house.profile(name), SETTINGS, {
      log,
      say: (sentence) => said.push(sentence),
      clock: Date.now,
    })
    await client.way.ready(5000)
    return client
  }

  before(async () => {
    web = await httpOrigin(async (incoming, outgoing) => {
      outgoing.end(`${incoming.headers.host} ${(await bodyOf(incoming)).length}`)
    })
    tcp = await tcpOrigin((socket) => socket.pipe(socket))
    house = await realHouse([
      { host: 'wiki.corp.internal', to: web.port, ports: [80, 8080] },
      { host: 'echo.corp.internal', to: tcp.port, ports: [7777] },
      { host: 'shut.corp.internal', to: await closedPort(), ports: [80] },
      { host: '*.dev.corp.internal', to: web.port, ports: [8080] },
    ])
    alice = await start('alice')
    bob = await start('bob')
  })
  after(async () => {
    await alice?.close()
    await bob?.close()
    await house?.close()
    web.close()
    tcp.close()
  })

  test('every proxy protocol reaches the wiki by name', async () => {
    const { at } = alice.proxy
    for (const how of [
      ['--socks5-hostname', at],
      ['--socks4a', at],
      ['-x', `http://${at}`],
      ['-p', '-x', `http://${at}`],
    ]) {
      const { stdout, stderr } = await curl(...how, 'http://wiki.corp.internal/')
      assert.equal(stdout, 'wiki.corp.internal 0', `${how} ${stderr}`)
    }
  })

  test('who is not allowed is told by which sentence, on each protocol', async () => {
    const { at } = bob.proxy
    const sentence = 'bob@example.com may not reach wiki.corp.internal:80: no rule allows it'
    const plain = await curl('-i', '-x', `http://${at}`, 'http://wiki.corp.internal/')
    assert.match(plain.stdout, /^HTTP\/1.1 403 /)
    assert.ok(plain.stdout.endsWith(`byname: ${sentence}\n`), plain.stdout)
    const tunnel = await curl('-p', '-x', `http://${at}`, 'http://wiki.corp.internal/')
    assert.match(tunnel.stderr, /403/)
    const socks = await curl('--socks5-hostname', at, 'http://wiki.corp.internal/')
    assert.match(socks.stderr, /\(2\)/)
    assert.ok(said.includes(sentence), said.join('\n'))
  })

  test('a refusing origin, a closed port and an unknown name are told apart', async () => {
    const { at } = alice.proxy
    const status = async (url: string) =>
      (await curl('-o', '/dev/null', '-w', '%{http_code}', '-x', `http://${at}`, url)).stdout
    assert.equal(await status('http://shut.corp.internal/'), '502')
    assert.equal(await status('http://wiki.corp.internal:81/'), '502')
    assert.equal(await status('http://nobody.corp.internal/'), '502')
    const socks = async (url: string) =>
      /\((\d+)\)\s*$/.exec((await curl('--socks5-hostname', at, url)).stderr)?.[1]
    assert.equal(await socks('http://shut.corp.internal/'), '5')
    assert.equal(await socks('http://wiki.corp.internal:81/'), '5')
    assert.equal(await socks('http://nobody.corp.internal/'), '4')
  })

  test('dig gives an address of 127.80, and programs that know nothing reach it', async () => {
    const address = await digA('wiki.corp.internal')
    assert.match(address, /^127\.80\.\d+\.\d+$/)
    const { stdout } = await curl('-H', 'Host: wiki.corp.internal', `http://${address}:8080/`)
    assert.equal(stdout, 'wiki.corp.internal 0')
    assert.equal(await digA('wiki.corp.internal', '+tcp'), address)
  })

  test('a name that does not exist is NXDOMAIN', async () => {
    const { stdout } = await run('dig', [...digAt(), 'nobody.corp.internal'])
    assert.match(stdout, /status: NXDOMAIN/)
  })

  test('a wildcard’s name listens as soon as it is answered', async () => {
    for (let at = 0; at < 20; at++) {
      const address = await digA(`a${at}.dev.corp.internal`)
      const { code, stdout } = await curl(`http://${address}:8080/`)
      assert.equal(code, 0, stdout)
    }
  })

  test('a port that the name does not publish is closed', async () => {
    const address = await digA('wiki.corp.internal')
    assert.equal((await curl(`http://${address}:8081/`)).code, 7)
  })

  test('a program that resolved first may hand the address to the proxy', async () => {
    const address = await digA('echo.corp.internal')
    const { at } = alice.proxy
    const { stdout } = await curl('--socks5', at, `telnet://${address}:7777`, '-m', '1')
    assert.equal(stdout, '')
    assert.equal(alice.way.status().tunnel, 'open')
  })

  test('a trace names each hop and its time', async () => {
    const traced = await trace(alice.way, {
      name: parseHostname('wiki.corp.internal'),
      port: 80,
      onRamp: 'socks',
    })
    assert.equal(traced.outcome.kind, 'opened')
    assert.ok(traced.outcome.kind === 'opened' && traced.outcome.gateMicros >= 0)
    const refused = await trace(bob.way, {
      name: parseHostname('wiki.corp.internal'),
      port: 80,
      onRamp: 'socks',
    })
    assert.equal(refused.outcome.kind === 'refused' && refused.outcome.code, 'policy-denied')
  })

  test('a changed policy cuts what is open, and says why', async () => {
    const { at } = alice.proxy
    said.length = 0
    const open = run(
      'curl',
      ['-sS', '-m', '5', '--socks5-hostname', at, 'telnet://echo.corp.internal:7777'],
      {
        keepInput: true,
      },
    )
    await until(() => alice.way.status().flows === 1)
    await house.setPolicy(NOBODY)
    const ended = await open
    assert.notEqual(ended.code, 0)
    assert.match(said[0] ?? '', /alice@example.com may not reach echo.corp.internal:7777/)
  })

  function digAt(): string[] {
    const [host, port = ''] = (alice.loopback?.dns ?? '').split(':')
    return [`@${host}`, '-p', port, '+tries=1', '+time=3']
  }

  async function digA(name: string, ...more: string[]): Promise<string> {
    const { stdout } = await run('dig', [...digAt(), '+short', ...more, name, 'A'])
    return stdout.trim()
  }
})
