import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commandOf, inheritedOf } from '../../client/run/command.ts'
import { destinationOf } from '../../client/run/destination.ts'
import { hasDefaultRoute6, hasPower } from '../../client/run/host.ts'
import { isForegroundGroup } from '../../client/run/signals.ts'
import { Timing } from '../../client/run/timing.ts'
import type { Hostname } from '../../names/hostname.ts'

describe('where a caught connection goes', () => {
  const names = {
    holds: (address: string) => address.startsWith('198.19.'),
    nameAt: (address: string) =>
      address === '198.19.0.2' ? ('wiki.corp.internal' as Hostname) : undefined,
  }
  const cases = [
    ['198.19.0.2', 80, { kind: 'name', name: 'wiki.corp.internal', port: 80 }],
    ['::ffff:198.19.0.2', 22, { kind: 'name', name: 'wiki.corp.internal', port: 22 }],
    // A DNS server that somebody publishes is that name's, like any other port of it.
    ['198.19.0.2', 53, { kind: 'name', name: 'wiki.corp.internal', port: 53 }],
    ['198.19.0.3', 80, { kind: 'nobody' }],
    ['198.19.0.3', 53, { kind: 'nobody' }],
    ['10.0.0.53', 53, { kind: 'dns' }],
    ['::1', 53, { kind: 'dns' }],
    ['::ffff:10.0.0.1', 80, { kind: 'outside', address: '10.0.0.1', port: 80 }],
    ['2001:db8::1', 443, { kind: 'outside', address: '2001:db8::1', port: 443 }],
  ] as const
  for (const [address, port, wanted] of cases) {
    test(`${address} port ${port}: ${wanted.kind}`, () => {
      assert.deepEqual(destinationOf(address, port, names), wanted)
    })
  }
})

describe('the command', () => {
  const sources = (argv: string[], cmdline: string, env: NodeJS.ProcessEnv = {}, environ = '') => ({
    argv,
    env,
    readProc: (name: string) =>
      ({ cmdline: Buffer.from(cmdline, 'latin1'), environ: Buffer.from(environ, 'latin1') })[name],
  })
  const text = (words: readonly string[]) =>
    words.map((word) => Buffer.from(word, 'base64').toString('latin1'))

  test('is the last words, octet for octet', () => {
    const cmdline = 'node\0--flag\0main.ts\0run\0--\0cat\0caf\xe9\0\0'
    const argv = ['node', 'main.ts', 'run', '--', 'cat', 'caf\ufffd', '']
    assert.deepEqual(text(commandOf(3, sources(argv, cmdline)).words), ['cat', 'caf\xe9', ''])
  })

  test('is as Node has it where the kernel’s words are others, or cannot be read', () => {
    const argv = ['node', 'main.ts', 'run', 'ls', '-l']
    for (const cmdline of ['', 'something else', 'a\0b\0']) {
      assert.deepEqual(text(commandOf(2, sources(argv, cmdline)).words), ['ls', '-l'])
    }
  })

  test('has the environment, changed where ours was changed, without what the launcher adds', () => {
    const env = { A: 'caf\ufffd', B: 'new', BYNAME_INHERITED: '1024 0' }
    const { environment } = commandOf(0, sources([], '', env, 'A=caf\xe9\0B=old\0C=gone\0'))
    assert.deepEqual(text(environment), ['A=caf\xe9', 'B=new'])
  })

  test('what Node changed is known from the launcher, or else from the parent', () => {
    const limits = 'Max open files            1024                 524288               files'
    assert.deepEqual(inheritedOf('512 1001', undefined), { openFiles: 512, ignoredSignals: 0x1001 })
    assert.deepEqual(inheritedOf(undefined, limits), { openFiles: 1024, ignoredSignals: 0 })
    assert.deepEqual(inheritedOf('512 1', limits), { openFiles: 512, ignoredSignals: 1 })
    assert.deepEqual(inheritedOf('unlimited zz', ''), { openFiles: undefined, ignoredSignals: 0 })
    const masked = inheritedOf('1 ffffffffffffffff', '').ignoredSignals
    assert.equal(masked, 0x7fffffff)
  })
})

describe('the host', () => {
  const zeros = '0'.repeat(32)
  const row = (prefix: string, flags: string, device: string) =>
    `${zeros} ${prefix} ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 ${flags}     ${device}`

  test('has IPv6 with a default route that leads out', () => {
    assert.equal(hasDefaultRoute6(row('00', '00450003', 'eth0')), true)
    assert.equal(hasDefaultRoute6(row('00', '00200200', 'lo')), false)
    assert.equal(hasDefaultRoute6(row('00', '00000203', 'eth0')), false)
    assert.equal(hasDefaultRoute6(row('40', '00450003', 'eth0')), false)
    assert.equal(hasDefaultRoute6(''), false)
  })

  test('needs no user namespace for root with the power to make the others', () => {
    const status = (uid: number, caps: string) => `Uid:\t${uid}\t${uid}\t0\t0\nCapEff:\t${caps}\n`
    assert.equal(hasPower(status(0, '000001ffffffffff')), true)
    assert.equal(hasPower(status(0, '00000000a80425fb')), false) // Docker's default set
    assert.equal(hasPower(status(1000, '000001ffffffffff')), false)
    assert.equal(hasPower(''), false)
  })
})

test('the group that a terminal sends ^C to is known by its terminal and group', () => {
  assert.equal(isForegroundGroup('12 (a b) c) S 1 12 10 34816 12 4194304'), true)
  assert.equal(isForegroundGroup('12 (node) S 1 12 10 34816 99 4194304'), false)
  assert.equal(isForegroundGroup('12 (node) S 1 12 10 0 -1 4194304'), false)
  assert.equal(isForegroundGroup('12 (node) S 1 12 10 0 12 4194304'), false)
})

test('timing keeps the first end of each step', () => {
  let now = 0
  const timing = new Timing(() => now)
  for (const [step, at] of [
    ['node', 60],
    ['namespaces', 101.4],
    ['namespaces', 200],
  ] as const) {
    now = at
    timing.note(step)
  }
  assert.equal(`${timing}`, 'node 60 ms, namespaces 101 ms')
})
