import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { serveHttp } from './origin.ts'
import { runInside, users } from './start.ts'

let wiki: Awaited<ReturnType<typeof serveHttp>>
before(async () => {
  wiki = await serveHttp('wiki')
})
after(() => wiki.close())
const names = () => ({ 'wiki.corp.internal': wiki.port })

for (const user of users()) {
  describe(`as ${user.name}`, { concurrency: 2 }, () => {
    test('curl reaches a name on any port, with its own Host', async () => {
      for (const port of [80, 8443, 65_535]) {
        const url = `http://wiki.corp.internal:${port}/a`
        const { code, stdout, stderr } = await runInside(user, ['curl', '-sS', url], {
          names: names(),
        })
        const host = port === 80 ? 'wiki.corp.internal' : `wiki.corp.internal:${port}`
        assert.deepEqual([code, stdout, stderr], [0, `wiki for ${host} GET /a\n`, ''])
      }
    })

    test('python reaches a name', async () => {
      const script =
        'import urllib.request as u; print(u.urlopen("http://wiki.corp.internal:81/p").read())'
      const { code, stdout } = await runInside(user, ['python3', '-c', script], { names: names() })
      assert.deepEqual([code, stdout], [0, "b'wiki for wiki.corp.internal:81 GET /p\\n'\n"])
    })

    test('node reaches a name', async () => {
      const script = 'fetch("http://wiki.corp.internal:82/n").then(r=>r.text()).then(console.log)'
      const node = user.see(process.execPath)
      const { code, stdout } = await runInside(user, [node, '-e', script], { names: names() })
      assert.deepEqual([code, stdout], [0, 'wiki for wiki.corp.internal:82 GET /n\n\n'])
    })

    test('a shell and what it starts reach names', async () => {
      const script = 'cd /; (curl -sS wiki.corp.internal/1); exec curl -sS wiki.corp.internal/2'
      const { stdout } = await runInside(user, ['sh', '-c', script], { names: names() })
      const line = (n: number) => `wiki for wiki.corp.internal GET /${n}\n`
      assert.equal(stdout, line(1) + line(2))
    })

    test('a refusal is said once for a name and port, and the program sees a reset', async () => {
      const script = 'for i in 1 2; do curl -sS db.corp.internal:5432; echo $?; done; exit 0'
      const { stdout, stderr } = await runInside(user, ['sh', '-c', script], {
        refused: ['db.corp.internal'],
      })
      // 7 when the reset comes before curl has looked, 56 after it.
      assert.match(stdout, /^(7|56)\n(7|56)\n$/)
      const sentence =
        'byname: bob@example.com may not reach db.corp.internal:5432: no rule allows it'
      assert.equal(stderr.split('\n').filter((line) => line === sentence).length, 1)
    })

    test('a name of a zone of ours that nobody publishes does not exist', async () => {
      const { code, stderr } = await runInside(user, ['curl', '-sS', 'http://no.corp.internal/'])
      assert.equal(code, 6, stderr)
    })

    test('an address of our range that means no name is reset', async () => {
      const { code, stderr } = await runInside(user, ['curl', '-sS', 'http://198.19.77.7/'])
      assert.ok(code === 7 || code === 56, stderr)
    })
  })
}
