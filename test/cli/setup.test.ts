import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')
let clone: string
beforeEach(() => {
  clone = mkdtempSync(path.join(tmpdir(), 'byname-clone-'))
  mkdirSync(path.join(clone, 'cli'))
  cpSync(path.join(root, 'cli/byname'), path.join(clone, 'cli/byname'))
  // No Node is that new: the one that runs this seems as old as a machine's of today.
  const setup = readFileSync(path.join(root, 'cli/setup.mjs'), 'utf8')
  writeFileSync(
    path.join(clone, 'cli/setup.mjs'),
    setup.replace('OLDEST_NODE = 26', 'OLDEST_NODE = 99'),
  )
  writeFileSync(path.join(clone, 'package-lock.json'), '{}')
  mkdirSync(path.join(clone, 'node_modules'))
  writeFileSync(path.join(clone, 'node_modules/.package-lock.json'), '{}')
})
afterEach(() => rmSync(clone, { recursive: true }))

/** A bundled Node that does what the script says. */
function bundle(script: string): void {
  const node = path.join(clone, 'node_modules', `node-linux-${process.arch}`, 'bin/node')
  mkdirSync(path.dirname(node), { recursive: true })
  writeFileSync(node, `#!/bin/sh\n${script}\n`)
  chmodSync(node, 0o755)
}

function setUp(...args: string[]) {
  const command = [path.join(clone, 'cli/setup.mjs'), ...args]
  return spawnSync(process.execPath, command, { encoding: 'utf8' })
}

test('a bundled Node without its library is said, with the package that brings it', () => {
  bundle(
    'echo "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127',
  )
  const { status, stderr } = setUp('byname', 'run')
  assert.equal(status, 2)
  assert.match(stderr, /does not start here/)
  assert.match(stderr, /apt-get install libatomic1/)
})

test('where no Node comes with the clone, what to install is said', () => {
  const { status, stderr } = setUp('byname', 'run')
  assert.equal(status, 2)
  assert.match(stderr, /byname runs on Node 99.*install Node 99 or newer/s)
})

test('the bundled Node is handed the verb, and its status is ours', () => {
  bundle('[ "$1" = --version ] && echo v26.10.0 && exit; echo "got $*"; exit 42')
  const { status, stdout } = setUp('byname', 'flow', 'list')
  assert.equal(status, 42)
  assert.match(stdout, /cli\/main\.ts flow list\n$/)
})

test('the launcher takes the bundled Node once it was seen to start, and not before', () => {
  bundle('[ "$1" = --version ] && echo v26.10.0 && exit; echo "got $*"')
  const launch = () => spawnSync(path.join(clone, 'cli/byname'), ['status'], { encoding: 'utf8' })
  const mark = path.join(clone, 'node_modules/.byname-node-starts')
  assert.equal(existsSync(mark), false)
  assert.match(launch().stdout, /cli\/main\.ts status/)
  assert.equal(existsSync(mark), true)
  assert.match(launch().stdout, /cli\/boot\.mjs status/)
})

test('dependencies older than the lock file are installed anew', () => {
  writeFileSync(path.join(clone, 'node_modules/.byname-lock.json'), '{"hash":"other","dev":true}')
  const { stderr } = setUp('byname')
  assert.match(stderr, /installing its packages and Node/)
})
