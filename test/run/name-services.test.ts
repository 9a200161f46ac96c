import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { serveHttp } from './origin.ts'
import { runInside } from './start.ts'

/**
 * Each case changes /etc or /run in a mount namespace of its own, so that needs root. `byname run`
 * itself touches neither: it takes the questions wherever they are sent.
 */
const isRoot = process.getuid?.() === 0
const root = { name: 'root', become: [], see: (file: string) => file }
const around = (script: string) => ['unshare', '-m', 'sh', '-ec', `${script}\nexec "$@"`, 'sh']

let wiki: Awaited<ReturnType<typeof serveHttp>>
before(async () => {
  wiki = await serveHttp('wiki')
})
after(() => wiki.close())

const ask = async (script: string) => {
  const words = ['curl', '-sS', '-m', '8', 'http://wiki.corp.internal/']
  const names = { 'wiki.corp.internal': wiki.port }
  return runInside(root, words, { names, around: around(script) })
}

/** A writable copy of /etc in place of it; the program runs after `change`. */
const etc = (change: string) => `
  copy=$(mktemp -d); mount -t tmpfs tmpfs $copy; cp -a /etc/. $copy/; rm -f $copy/resolv.conf
  ${change}
  mount --move $copy /etc; rmdir $copy`
const resolvConf = (text: string) => etc(`printf '${text}' > $copy/resolv.conf`)

describe('names are found whatever the system asks', { concurrency: 2 }, () => {
  const cases = {
    'the stub of systemd-resolved': resolvConf('nameserver 127.0.0.53\\noptions edns0 trust-ad\\n'),
    'a server that nobody reaches': resolvConf('nameserver 192.0.2.1\\n'),
    'TCP only': resolvConf('nameserver 192.0.2.1\\noptions use-vc\\n'),
    'a server on ::1': resolvConf('nameserver ::1\\n'),
    'a link-local server, then another': resolvConf(
      'nameserver fe80::1%%eth9\\nnameserver 192.0.2.1\\n',
    ),
    'no resolv.conf': etc(':'),
    'a resolv.conf that points nowhere': etc('ln -s /run/gone/resolv.conf $copy/resolv.conf'),
  }
  for (const [name, script] of Object.entries(cases)) {
    test(name, async (t) => {
      if (!isRoot) return t.skip('changing /etc in a namespace needs root')
      const { stdout, stderr } = await ask(script)
      assert.equal(stdout, 'wiki for wiki.corp.internal GET /\n', stderr)
    })
  }

  test('daemons that answer over local sockets are covered, inside only', async (t) => {
    if (!isRoot) return t.skip('changing /run in a namespace needs root')
    const [resolved, nscd] = ['/run/systemd/resolve/io.systemd.Resolve', '/run/nscd/socket']
    const script = `
      mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/resolve /run/nscd
      for path in ${resolved} ${nscd}; do
        python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $path
      done
      trap 'stat -c %F ${resolved} ${nscd}' EXIT
      "$@"; exit`
    const words = ['stat', '-c', '%F', resolved, nscd]
    const { stdout, stderr } = await runInside(root, words, { around: around(script) })
    const [covered, plain] = ['character special file\n', 'socket\n']
    assert.equal(stdout, covered + covered + plain + plain, stderr)
  })
})
