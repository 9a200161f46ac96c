import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { curl, httpOrigin, type Ran, run } from './proxy-house.ts'
import { type RealHouse, realHouse } from './real-house.ts'
import { until } from './until.ts'

const MAIN = path.resolve(import.meta.dirname, '../../cli/main.ts')
const FLAGS = ['--disable-warning=ExperimentalWarning', MAIN]
const NOBODY = 65_534
const isRoot = process.geteuid?.() === 0

describe('byname client run, status, dig and trace', () => {
  let house: RealHouse
  let web: Awaited<ReturnType<typeof httpOrigin>>
  let home: string
  const children = new Set<ChildProcess>()

  before(async () => {
    web = await httpOrigin((_incoming, outgoing) => outgoing.end('the wiki'))
    house = await realHouse([
      { host: 'wiki.corp.internal', to: web.port, ports: [80, 8080] },
      { host: '*.dev.corp.internal', to: web.port, ports: [8443] },
    ])
    home = mkdtempSync(path.join(tmpdir(), 'byname-verbs-'))
    cpSync(path.join(house.directory, 'profiles'), path.join(home, 'profiles'), { recursive: true })
    if (isRoot) giveTo(home, NOBODY)
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await house?.close()
    web.close()
    rmSync(home, { recursive: true, force: true })
  })

  /** As an ordinary user, wherever the tests can be one. */
  const ids = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const env = () => ({ PATH: process.env.PATH ?? '', HOME: home, BYNAME_STATE_DIR: home })
  const byname = (...args: string[]): Promise<Ran> =>
    run(process.execPath, [...FLAGS, ...args], { ...ids, env: env() })

  function startClient(...args: string[]): { child: ChildProcess; said: () => string } {
    const words = [
      ...FLAGS,
      'client',
      'run',
      '--socks',
      '127.0.0.1:0',
      '--dns',
      '127.0.0.1:0',
      ...args,
    ]
    const child = spawn(process.execPath, words, { ...ids, env: env() })
    children.add(child)
    let text = ''
    child.stderr?.on('data', (chunk) => {
      text += chunk
    })
    return { child, said: () => text }
  }

  test('a client says what to set, serves, shows its status and ends by a signal', async () => {
    const { child, said } = startClient('--profile', 'alice')
    await until(() => said().includes('Ctrl-C stops it'))
    const text = said()
    assert.match(text, /^alice@example\.com at https:\/\/127\.0\.0\.1:\d+, 2 names$/m)
    const proxy = /export ALL_PROXY=socks5h:\/\/(\S+)/.exec(text)?.[1] ?? ''
    const url = 'http://wiki.corp.internal/'
    const asOwner = { ...ids }
    const fetched = await run('curl', ['-sS', '-m', '5', '--socks5-hostname', proxy, url], asOwner)
    assert.equal(fetched.stdout, 'the wiki', fetched.stderr)
    const pac = /^ +(http:\S+proxy\.pac)$/m.exec(text)?.[1] ?? ''
    assert.match((await run('curl', ['-sS', pac], asOwner)).stdout, /wiki\.corp\.internal/)
    const [, at = '', port = ''] = /dig @(\S+) -p (\d+) NAME/.exec(text) ?? []
    const dug = await run('dig', [`@${at}`, '-p', port, '+short', 'wiki.corp.internal'])
    const page = await run('curl', ['-sS', `http://${dug.stdout.trim()}:8080/`], asOwner)
    assert.equal(page.stdout, 'the wiki', page.stderr)

    const status = await byname('status', '--profile', 'alice')
    assert.equal(status.code, 0, status.stderr)
    assert.match(status.stdout, /person +alice@example\.com \(profile alice\)/)
    assert.match(status.stdout, /edge +edge https:.*, open for \d+ s/)
    const json = JSON.parse((await byname('status', '--profile', 'alice', '--json')).stdout)
    assert.equal(json.schema, 1)
    assert.equal(json.way.tunnel, 'open')

    child.kill('SIGTERM')
    const code = await new Promise((resolve) => child.on('exit', resolve))
    assert.equal(code, 0, said())
    const gone = await byname('status', '--profile', 'alice')
    assert.equal(gone.code, 3)
    assert.match(
      gone.stderr,
      /no client of profile alice runs[\s\S]*byname client run --profile alice/,
    )
    assert.ok(!readdirSync(path.join(home, 'profiles/alice')).includes('client.sock'))
  })

  test('a port that the kernel withholds is listed with the line that frees it', async (t) => {
    const start = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
    if (start <= 80) return t.skip('this kernel withholds no ports')
    const { child, said } = startClient('--profile', 'alice')
    await until(() => said().includes('Ctrl-C stops it'))
    assert.match(
      said(),
      /not on port 80 \(wiki\.corp\.internal\): sudo sysctl -w net\.ipv4\.ip_unprivileged_port_start=80 \(or: sudo setcap cap_net_bind_service=\+ep \/\S+node\)/,
    )
    assert.doesNotMatch(said(), /not on port 8080/)
    child.kill('SIGTERM')
  })

  test('a second client takes other ports, but not a port that was asked for', async () => {
    const first = startClient('--profile', 'alice')
    await until(() => first.said().includes('Ctrl-C stops it'))
    const taken = /ALL_PROXY=socks5h:\/\/(\S+)/.exec(first.said())?.[1] ?? ''
    const second = await byname(
      'client',
      'run',
      '--profile',
      'bob',
      '--socks',
      taken,
      '--no-loopback',
    )
    assert.equal(second.code, 2)
    assert.match(second.stderr, /cannot listen on .*\n.*another program listens there/)
    const same = await byname('client', 'run', '--profile', 'alice', '--socks', '127.0.0.1:0')
    assert.notEqual(same.code, 0)
    assert.match(same.stderr, /ERR_CONTROL_IN_USE/)
    first.child.kill('SIGTERM')
  })

  test('the proxy port is for loopback only', async () => {
    const { code, stderr } = await byname('client', 'run', '--socks', '0.0.0.0:1080')
    assert.equal(code, 2)
    assert.match(stderr, /ERR_NOT_LOOPBACK/)
  })

  test('dig answers with and without a client, and says why', async () => {
    const owned = await byname('dig', 'wiki.corp.internal', '--profile', 'alice')
    assert.equal(owned.code, 0, owned.stderr)
    assert.match(owned.stdout, /wiki\.corp\.internal +60 +A +127\.80\.\d+\.\d+/)
    assert.match(owned.stderr, /byname’s, as wiki\.corp\.internal \(80\/tcp, 8080\/tcp\)/)
    const absent = await byname('dig', 'nobody.corp.internal', '--profile', 'alice')
    assert.equal(absent.code, 1)
    assert.match(absent.stdout, /NXDOMAIN/)
    assert.match(absent.stderr, /zone corp\.internal, and nobody publishes it/)
    const { child, said } = startClient('--profile', 'alice')
    await until(() => said().includes('Ctrl-C stops it'))
    const asked = await byname('dig', 'wiki.corp.internal', 'aaaa', '--profile', 'alice', '--json')
    const dug = JSON.parse(asked.stdout)
    assert.deepEqual([dug.status, dug.answers, dug.whose], ['NOERROR', [], 'owned'])
    child.kill('SIGTERM')
  })

  test('trace shows each hop, or the sentence at the gate', async () => {
    const allowed = await byname('trace', 'wiki.corp.internal', '--profile', 'alice')
    assert.equal(allowed.code, 0, allowed.stderr)
    for (const hop of [
      'name',
      'address',
      'gate',
      'edge',
      'connector',
      'resolve',
      'origin',
      'in all',
    ]) {
      assert.match(allowed.stdout, new RegExp(`^${hop} `, 'm'))
    }
    const denied = await byname('trace', 'wiki.corp.internal:80', '--profile', 'bob')
    assert.equal(denied.code, 1)
    assert.match(
      denied.stdout,
      /bob@example\.com may not reach wiki\.corp\.internal:80: no rule allows it/,
    )
    assert.equal((await byname('trace', '10.0.0.1:80', '--profile', 'bob')).code, 2)
  })

  test('without a profile the verbs say where one was looked for', async () => {
    for (const verb of [['status'], ['dig', 'a.b'], ['trace', 'a.b'], ['client', 'run']]) {
      const { code, stderr } = await byname(...verb, '--profile', 'nobody')
      assert.equal(code, 4, verb.join(' '))
      assert.match(stderr, /there is no profile nobody\n.*profiles; there are: alice, bob/)
    }
  })

  test('every verb has help with an example', async () => {
    for (const verb of [['client', 'run'], ['status'], ['dig'], ['trace']]) {
      const { code, stdout } = await byname(...verb, '--help')
      assert.equal(code, 0)
      assert.match(stdout, /\$ byname /)
    }
    assert.equal((await byname('status', '--bogus')).code, 2)
  })

  test('a proxy client on curl’s own terms: the whole ALL_PROXY line works', async () => {
    const { child, said } = startClient('--profile', 'alice', '--no-loopback')
    await until(() => said().includes('Ctrl-C stops it'))
    const all = /ALL_PROXY=(\S+)/.exec(said())?.[1] ?? ''
    const asked = ['-sS', '-m', '5', 'http://wiki.corp.internal/']
    const { stdout } = await run('curl', asked, { ...ids, env: { ...env(), ALL_PROXY: all } })
    assert.equal(stdout, 'the wiki')
    assert.doesNotMatch(said(), /127\.80/)
    if (isRoot) assert.notEqual((await curl('-x', all, 'http://wiki.corp.internal/')).code, 0)
    child.kill('SIGTERM')
  })
})

function giveTo(directory: string, uid: number): void {
  chownSync(directory, uid, uid)
  for (const entry of readdirSync(directory, { recursive: true })) {
    chownSync(path.join(directory, String(entry)), uid, uid)
  }
}
