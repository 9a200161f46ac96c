import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { startDemoProvider } from '../../edge/demo/provider.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'byname-provider-'))
})
afterEach(() => rm(directory, { recursive: true }))

const start = (host?: string) =>
  startDemoProvider({
    people: ['alice@example.com'],
    secretFile: path.join(directory, 'secret'),
    now: Date.now,
    ...(host === undefined ? {} : { host }),
  })

for (const host of [
  '0.0.0.0',
  '::',
  '10.0.0.1',
  'localhost',
  '127.1',
  '127.0.0.1.example.com',
  '',
]) {
  test(`the demo provider refuses to start on ${JSON.stringify(host)}`, async () => {
    await assert.rejects(start(host), { code: 'ERR_DEMO_NOT_LOOPBACK' })
  })
}

test('it gives a token only to whoever read its secret, for people that it knows', async () => {
  const provider = await start()
  const secretFile = path.join(directory, 'secret')
  const secret = await readFile(secretFile, 'utf8')
  const ask = async (email: string, headers: Record<string, string>) => {
    const body = JSON.stringify({ email })
    const { status } = await fetch(`${provider.url}/token`, { method: 'POST', headers, body })
    return status
  }
  const authorization = `Bearer ${secret}`
  assert.equal(await ask('alice@example.com', { authorization }), 200)
  assert.equal(await ask('mallory@example.com', { authorization }), 400)
  assert.equal(await ask('alice@example.com', {}), 401)
  assert.equal(await ask('alice@example.com', { authorization: 'Bearer x' }), 401)
  assert.equal(
    await ask('alice@example.com', { authorization, origin: 'https://evil.example' }),
    403,
  )
  assert.equal((await stat(secretFile)).mode & 0o777, 0o600)
  await provider.close()
  await assert.rejects(stat(secretFile), { code: 'ENOENT' })
})

test('a second start has another secret', async () => {
  const [first, second] = [await start(), await start()]
  const left = await readFile(path.join(directory, 'secret'), 'utf8')
  const authorization = `Bearer ${left}`
  const body = JSON.stringify({ email: 'alice@example.com' })
  const answer = await fetch(`${first.url}/token`, {
    method: 'POST',
    headers: { authorization },
    body,
  })
  assert.equal(answer.status, 401)
  await first.close()
  await second.close()
})
