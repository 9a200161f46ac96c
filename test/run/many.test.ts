import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { catchConnections, type Ways } from '../../client/run/connections.ts'
import { serveHttp } from './origin.ts'
import { ordinaryUser, runInside } from './start.ts'

const user = ordinaryUser()

describe('many', () => {
  test('several runs at once keep their names apart', async () => {
    const origins = await Promise.all(['a', 'b', 'c', 'd'].map((name) => serveHttp(name)))
    const outcomes = await Promise.all(
      origins.map(({ port }) =>
        runInside(user, ['curl', '-sS', 'http://app.corp.internal/'], {
          names: { 'app.corp.internal': port },
        }),
      ),
    )
    for (const origin of origins) origin.close()
    assert.deepEqual(
      outcomes.map(({ stdout }) => stdout[0]),
      ['a', 'b', 'c', 'd'],
    )
  })

  test('a run inside a run works, and reaches what the outer one does', async () => {
    const host = await serveHttp('host')
    const names = { 'outer.corp.internal': host.port }
    const node = [user.see(process.execPath), '--disable-warning=ExperimentalWarning']
    const driver = user.see(`${import.meta.dirname}/driver.ts`)
    const url = `http://127.0.0.1:${host.port}/`
    const words = [...node, driver, 'curl', '-sS', url]
    const { stdout, stderr } = await runInside(user, words, { names })
    host.close()
    assert.equal(stdout, `host for 127.0.0.1:${host.port} GET /\n`, stderr)
  })

  test('a hundred connections of one program all arrive', async () => {
    const host = await serveHttp('many')
    const script = `
import concurrent.futures as f, urllib.request as u
def ask(n): return u.urlopen(f"http://app.corp.internal:{1000+n}/{n}").read().decode()
with f.ThreadPoolExecutor(50) as pool:
    got = list(pool.map(ask, range(100)))
print(all(text == f"many for app.corp.internal:{1000+n} GET /{n}\\n" for n, text in enumerate(got)))`
    const names = { 'app.corp.internal': host.port }
    const { stdout, stderr } = await runInside(user, ['python3', '-c', script], { names })
    host.close()
    assert.equal(stdout, 'True\n', stderr)
  })

  test('beyond the bound a connection is reset, and a place that is free again is given', async () => {
    const server = await listening()
    const taken: Socket[] = []
    const connections = catchConnections([server], waysTo(taken), 2)
    const { port } = server.address() as { port: number }
    const dial = () => connect({ port, host: '127.0.0.1' })
    const [first, second] = [dial(), dial()]
    await until(() => connections.count === 2)
    const third = dial()
    const code = await new Promise((done) =>
      third.on('error', (e: { code?: string }) => done(e.code)),
    )
    assert.equal(code, 'ECONNRESET')
    first.destroy()
    taken[0]?.destroy()
    await until(() => connections.count === 1)
    const fourth = dial()
    await until(() => connections.count === 2)
    for (const socket of [...taken, second, fourth]) socket.destroy()
    connections.close()
  })
})

function waysTo(taken: Socket[]): Ways {
  return {
    names: { holds: () => true, nameAt: () => 'app.corp.internal' as never },
    carry: (socket) => void taken.push(socket),
    takeDns: () => {},
  }
}

function listening(): Promise<Server> {
  const server = createServer()
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)))
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isTrue(); i++) await new Promise((done) => setTimeout(done, 5))
  assert.ok(isTrue())
}
