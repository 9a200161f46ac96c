import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import {
  configFile,
  controlPath,
  findState,
  placeState,
  profileRoots,
  readSecret,
  stateRoots,
  writeSecret,
} from '../../process/state.ts'

let directory = ''
before(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-state-'))
})
after(() => rmSync(directory, { recursive: true, force: true }))

const fresh = (name: string) => {
  const made = path.join(directory, name)
  mkdirSync(made, { recursive: true })
  return made
}

test('state is looked for in the order that is written down', () => {
  const all = { BYNAME_STATE_DIR: '/a', STATE_DIRECTORY: '/b:/c', XDG_STATE_HOME: '/d', HOME: '/h' }
  assert.deepEqual(stateRoots(all), ['/a', '/b', '/d/byname'])
  assert.deepEqual(stateRoots({ HOME: '/h' }), ['/h/.local/state/byname'])
  assert.deepEqual(stateRoots({ HOME: '/h', BYNAME_STATE_DIR: '' }), ['/h/.local/state/byname'])
  assert.deepEqual(profileRoots({ HOME: '/h', BYNAME_HOME: '/clone' }), [
    '/h/.local/state/byname',
    '/clone/.byname',
  ])
})

test('what is there is found, in the first root that has it', async () => {
  const [one, two] = [fresh('one'), fresh('two')]
  mkdirSync(path.join(two, 'profiles'), { recursive: true })
  assert.equal(findState('profiles', [one, two]), path.join(two, 'profiles'))
  assert.equal(await placeState('profiles', [one, two]), path.join(two, 'profiles'))
  assert.equal(findState('nothing', [one, two]), undefined)
})

test('what is new goes to the first root that can be written', async () => {
  const file = path.join(fresh('file'), 'is-a-file')
  writeFileSync(file, '')
  const place = await placeState('new/key', [path.join(file, 'below'), fresh('writable')])
  assert.equal(place, path.join(directory, 'writable', 'new/key'))
  assert.equal(statSync(path.dirname(place)).mode & 0o777, 0o700)
  await assert.rejects(placeState('x', [path.join(file, 'below')]), {
    code: 'ERR_STATE_NOT_WRITABLE',
  })
})

test('the first settings file wins, and a missing one names the paths searched', () => {
  const [own, xdg] = [fresh('conf'), fresh('xdg')]
  mkdirSync(path.join(xdg, 'byname'))
  writeFileSync(path.join(own, 'connector.yaml'), '')
  writeFileSync(path.join(xdg, 'byname', 'connector.yaml'), '')
  const env = { CONFIGURATION_DIRECTORY: own, XDG_CONFIG_HOME: xdg }
  assert.equal(configFile('connector', undefined, env), path.join(own, 'connector.yaml'))
  assert.equal(
    configFile('connector', undefined, { XDG_CONFIG_HOME: xdg }),
    path.join(xdg, 'byname', 'connector.yaml'),
  )
  assert.throws(() => configFile('edge', '/no/such.yaml', env), {
    code: 'ERR_CONFIG_NOT_FOUND',
    why: /\/no\/such\.yaml/,
  })
  assert.throws(() => configFile('edge', undefined, env), { why: /conf\/edge\.yaml.*xdg\/byname/ })
})

test('the control socket is in the runtime directory if there is one', () => {
  assert.equal(controlPath('edge', '/s', {}), '/s/edge.sock')
  assert.equal(
    controlPath('edge', '/s', { RUNTIME_DIRECTORY: '/run/byname' }),
    '/run/byname/edge.sock',
  )
})

test('a secret is written whole, 0600 from its first byte, and read back', async () => {
  const file = path.join(fresh('secrets'), 'deep', 'key')
  const before = process.umask(0)
  try {
    await writeSecret(file, 'one')
    await writeSecret(file, Buffer.from('two'))
  } finally {
    process.umask(before)
  }
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(String(await readSecret(file)), 'two')
  assert.deepEqual(readdirSync(path.dirname(file)), ['key'], 'no half-written file stays')
})

test('a secret replaces a link and does not write through it', async () => {
  const place = fresh('links')
  writeFileSync(path.join(place, 'victim'), 'victim')
  symlinkSync('victim', path.join(place, 'key'))
  await writeSecret(path.join(place, 'key'), 'mine')
  assert.equal(readFileSync(path.join(place, 'victim'), 'utf8'), 'victim')
})

test('a secret that others can read is refused with the command that mends it', async () => {
  const file = path.join(fresh('open'), 'key')
  await writeSecret(file, 'x')
  chmodSync(file, 0o640)
  await assert.rejects(readSecret(file), { code: 'ERR_SECRET_READABLE', fix: `chmod 600 ${file}` })
  assert.equal(await readSecret(path.join(directory, 'none')), undefined)
})

test('a secret that cannot be put in place leaves nothing behind', async () => {
  const place = fresh('blocked')
  mkdirSync(path.join(place, 'key'))
  await assert.rejects(writeSecret(path.join(place, 'key'), 'x'))
  assert.deepEqual(readdirSync(place), ['key'])
})
