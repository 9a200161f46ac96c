import assert from 'node:assert/strict'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { loadProfile } from '../../client/profile.ts'
import { sessionOf, tempRoot, writeProfile } from './profile-dir.ts'

const session = sessionOf(0)

test('a profile is found by name, by BYNAME_PROFILE, as default, or as the only one', async (t) => {
  const root = await tempRoot(t)
  const env = { BYNAME_STATE_DIR: root, HOME: root }
  await writeProfile(root, 'alice', session)
  assert.equal((await loadProfile(undefined, env)).name, 'alice')
  await writeProfile(root, 'bob', session)
  assert.equal((await loadProfile('bob', env)).name, 'bob')
  assert.equal((await loadProfile(undefined, { ...env, BYNAME_PROFILE: 'bob' })).name, 'bob')
  assert.equal((await loadProfile('alice', { ...env, BYNAME_PROFILE: 'bob' })).name, 'alice')
  await assert.rejects(loadProfile(undefined, env), { code: 'ERR_NO_PROFILE', exitCode: 4 })
  await writeProfile(root, 'default', session)
  assert.equal((await loadProfile(undefined, env)).name, 'default')
})

test('the first place that has it wins, and the clone’s .byname is one of them', async (t) => {
  const [first, clone] = [await tempRoot(t), await tempRoot(t)]
  await writeProfile(path.join(clone, '.byname'), 'alice', session)
  const env = { HOME: first, BYNAME_STATE_DIR: first, BYNAME_HOME: clone }
  assert.ok((await loadProfile('alice', env)).directory.startsWith(clone))
  await writeProfile(first, 'alice', session)
  assert.ok((await loadProfile('alice', env)).directory.startsWith(first))
})

test('a profile that is not there names the places and those that are', async (t) => {
  const root = await tempRoot(t)
  await writeProfile(root, 'alice', session)
  const missing = loadProfile('carol', { BYNAME_STATE_DIR: root, HOME: root })
  await assert.rejects(missing, (error: { why?: string; fix?: string }) => {
    assert.match(error.why ?? '', new RegExp(`${root}.*there are: alice`))
    assert.match(error.fix ?? '', /--profile alice/)
    return true
  })
})

test('a name that could leave the directory is no profile name', async () => {
  for (const name of ['../alice', 'a/b', '.', '..', '', 'a\0b', 'x'.repeat(65), '-x']) {
    const loading = loadProfile(name, { HOME: '/nowhere' })
    await assert.rejects(loading, { code: 'ERR_PROFILE_NAME', exitCode: 2 }, name)
  }
})

test('a profile may require a post-quantum key agreement; misspelt, it is refused', async (t) => {
  const root = await tempRoot(t)
  const file = path.join(await writeProfile(root, 'alice', session), 'profile.json')
  const load = () => loadProfile('alice', { BYNAME_STATE_DIR: root, HOME: root })
  assert.equal((await load()).requiresPostQuantum, false)
  const document = JSON.parse(await readFile(file, 'utf8')) as object
  const write = (tls: unknown) => writeFile(file, JSON.stringify({ ...document, tls }))
  await write({ 'require-post-quantum': true })
  assert.equal((await load()).requiresPostQuantum, true)
  for (const tls of [
    { 'requires-post-quantum': true },
    { 'require-post-quantum': 'yes' },
    {},
    true,
  ]) {
    await write(tls)
    await assert.rejects(load(), { code: 'ERR_PROFILE_FORMAT' }, JSON.stringify(tls))
  }
})

test('a key that others may read, or that is damaged or gone, is refused', async (t) => {
  const root = await tempRoot(t)
  const key = path.join(await writeProfile(root, 'alice', session), 'device.jwk')
  const load = () => loadProfile('alice', { BYNAME_STATE_DIR: root, HOME: root })
  await chmod(key, 0o644)
  await assert.rejects(load(), { code: 'ERR_PROFILE_UNREADABLE', fix: `chmod 600 ${key}` })
  await chmod(key, 0o600)
  await writeFile(key, '{')
  await assert.rejects(load(), { code: 'ERR_KEY_FORMAT' })
  await rm(key)
  await assert.rejects(load(), { code: 'ERR_PROFILE_UNREADABLE' })
})
