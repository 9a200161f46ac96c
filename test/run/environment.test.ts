import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, test } from 'node:test'
import { ordinaryUser, runInside, scratch } from './start.ts'

const user = ordinaryUser()
const isRoot = process.getuid?.() === 0
const sh = (script: string) => ['sh', '-c', script]

describe('the program finds itself as it would outside', { concurrency: 2 }, () => {
  test('its environment, and nothing of ours in it', async () => {
    const { stdout } = await runInside(user, ['env'], {
      env: { NODE_OPTIONS: '--no-warnings', A: 'ä=1' },
    })
    const names = stdout.split('\n').map((line) => line.split('=')[0])
    assert.deepEqual(names.filter((name) => name).sort(), [
      'A',
      'HOME',
      'LANG',
      'NODE_OPTIONS',
      'PATH',
    ])
    assert.match(stdout, /^A=ä=1$/m)
  })

  test('words that are not UTF-8, octet for octet', async () => {
    const outer = String.raw`exec "$@" "$(printf 'a\377b')"`
    const { stdout } = await runInside(user, ['sh', '-c', 'printf %s "$0" | od -An -tx1'], {
      around: ['sh', '-c', outer, 'sh'],
    })
    assert.equal(stdout.trim(), '61 ff 62')
  })

  test('its user, without any capability', async () => {
    const { stdout } = await runInside(
      user,
      sh('id -u; grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status'),
    )
    const uid = isRoot ? 65_534 : process.getuid?.()
    const [first, ...caps] = stdout.trim().split('\n')
    assert.equal(first, String(uid))
    assert.deepEqual(
      caps.map((line) => line.split('\t')[1]),
      Array(4).fill('0'.repeat(16)),
    )
  })

  test('a file that only a group of its may read', async (t) => {
    if (!isRoot) return t.skip('making such a file needs root')
    const file = path.join(mkdtempSync(path.join(scratch, 'group-')), 'secret')
    writeFileSync(file, 'for the group')
    chownSync(file, 0, 4242)
    chmodSync(file, 0o640)
    chmodSync(path.dirname(file), 0o755)
    const member = ordinaryUser([65_534, 4242])
    assert.equal((await runInside(member, ['cat', file])).stdout, 'for the group')
    assert.equal((await runInside(user, ['cat', file])).code, 1)
  })

  test('its directory, umask and limit of open files', async () => {
    const around = ['sh', '-c', 'umask 027; ulimit -Sn 512; cd /usr; exec "$@"', 'sh']
    const script = sh('pwd; umask; ulimit -Sn')
    // As the launcher does, whose work node would undo.
    const env = { BYNAME_INHERITED: '512 0' }
    assert.equal((await runInside(user, script, { around, env })).stdout, '/usr\n0027\n512\n')
  })

  test('signals that were ignored stay ignored, and no others are', async () => {
    const masks = async (mask: string) => {
      const { stdout } = await runInside(user, ['grep', 'SigIgn', '/proc/self/status'], {
        env: { BYNAME_INHERITED: `1024 ${mask}` },
      })
      return stdout.trim().split('\t')[1]
    }
    assert.equal(await masks('0000000000000000'), '0000000000000000')
    assert.equal(await masks('0000000000000001'), '0000000000000001')
    assert.equal(await masks('0000000000001002'), '0000000000001002')
  })

  test('Unix sockets of the host by path', async () => {
    const file = path.join(mkdtempSync(path.join(scratch, 'unix-')), 'socket')
    const server = createServer((socket) => socket.end('over unix'))
    await new Promise<void>((done) => server.listen(file, done))
    chmodSync(path.dirname(file), 0o755)
    chmodSync(file, 0o777)
    const script =
      'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(99))'
    const { stdout } = await runInside(user, ['python3', '-c', script, file])
    server.close()
    assert.equal(stdout, "b'over unix'\n")
  })

  test('as root, all of its power', async (t) => {
    if (!isRoot) return t.skip('needs root')
    const root = { name: 'root', become: [], see: (file: string) => file }
    const { stdout } = await runInside(
      root,
      sh('readlink /proc/self/ns/user; grep CapEff /proc/self/status'),
    )
    const [namespace = '', caps = ''] = stdout.trim().split('\n')
    const { readFileSync, readlinkSync } = await import('node:fs')
    assert.equal(namespace, readlinkSync('/proc/self/ns/user'))
    assert.ok(readFileSync('/proc/self/status', 'utf8').includes(caps))
  })
})
