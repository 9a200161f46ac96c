import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explain, type KernelSettings } from '../../client/run/forbidden.ts'
import { readKernelSettings } from '../../client/run/kernel-settings.ts'
import { probeNamespaces } from '../../client/run/probe.ts'
import { ordinaryUser, runInside } from './start.ts'

const isRoot = process.getuid?.() === 0
const root = { name: 'root', become: [], see: (file: string) => file }

const FREE: KernelSettings = {
  isRoot: false,
  maxUser: 1000,
  maxNet: 1000,
  maxMount: 1000,
  unprivilegedClone: undefined,
  appArmorRestricts: undefined,
  hasSeccomp: false,
}
const EPERM = { step: 'unshare', said: 'unshare: unshare failed: Operation not permitted' } as const

describe('why there are no namespaces', () => {
  const cases: [string, Parameters<typeof explain>[0], Partial<KernelSettings>, RegExp][] = [
    ['no unshare', { step: 'start', said: 'ENOENT' }, {}, /unshare .* is not installed/],
    [
      'BusyBox',
      { step: 'unshare', said: "unshare: unrecognized option '--map-current-user'" },
      {},
      /BusyBox/,
    ],
    ['no user namespaces', EPERM, { maxUser: 0 }, /^user\.max_user_namespaces is 0$/],
    ['no net namespaces', EPERM, { maxNet: 0 }, /^user\.max_net_namespaces is 0$/],
    ['no mount namespaces', EPERM, { maxMount: 0 }, /^user\.max_mnt_namespaces is 0$/],
    ['the sysctl of Debian', EPERM, { unprivilegedClone: 0 }, /unprivileged_userns_clone is 0/],
    [
      'too many',
      { step: 'unshare', said: 'unshare: unshare failed: No space left on device' },
      {},
      /a limit of namespaces is reached/,
    ],
    ['no tproxy', { step: 'rules', said: 'ENOENT' }, {}, /no nftables rules with tproxy/],
    ['AppArmor', { step: 'power', said: 'EACCES' }, { appArmorRestricts: 1 }, /apparmor_restrict/],
    ['a container', EPERM, { hasSeccomp: true }, /a seccomp filter/],
    ['nobody knows', EPERM, {}, /the kernel refused at the step "unshare"/],
  ]
  for (const [name, error, settings, why] of cases) {
    test(name, () => {
      const explanation = explain(error, { ...FREE, ...settings })
      assert.match(explanation.why, why)
      assert.notEqual(explanation.fix, '')
    })
  }

  test('settings about user namespaces do not matter to root', () => {
    const settings = {
      ...FREE,
      isRoot: true,
      maxUser: 0,
      unprivilegedClone: 0,
      appArmorRestricts: 1,
    }
    assert.match(explain(EPERM, settings).why, /the kernel refused/)
  })

  test('settings are read from /proc', () => {
    const files: Record<string, string> = {
      '/proc/sys/user/max_user_namespaces': '0\n',
      '/proc/self/status': 'Name:\tnode\nUid:\t1000\t1000\t1000\t1000\nSeccomp:\t2\n',
    }
    const settings = readKernelSettings((file) => files[file] ?? '')
    assert.deepEqual(settings, {
      ...FREE,
      maxUser: 0,
      maxNet: undefined,
      maxMount: undefined,
      hasSeccomp: true,
    })
  })
})

describe('a kernel that forbids namespaces', () => {
  test('the probe says that they work here', async () => {
    assert.deepEqual(await probeNamespaces(), { kind: 'works' })
  })

  test('max_net_namespaces is named, the program does not begin, and the code is 2', async (t) => {
    if (!isRoot) return t.skip('lowering the limit needs root')
    const script = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'
    const around = ['unshare', '-Ur', 'sh', '-c', script, 'sh']
    const { code, stdout, stderr } = await runInside(root, ['echo', 'begun'], { around })
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /because user\.max_net_namespaces is 0/)
    assert.match(stderr, /sysctl -w user\.max_net_namespaces/)
    assert.match(stderr, /or go another way: /)
  })

  test('max_user_namespaces is named to root without power', async (t) => {
    if (!isRoot) return t.skip('lowering the limit needs root')
    const drop = 'exec setpriv --bounding-set=-sys_admin "$@"'
    const script = `echo 0 > /proc/sys/user/max_user_namespaces; ${drop}`
    const around = ['unshare', '-Ur', 'sh', '-c', script, 'sh']
    const { code, stderr } = await runInside(root, ['true'], { around })
    assert.equal(code, 2)
    assert.match(stderr, /because user\.max_user_namespaces is 0/)
  })

  test('a seccomp filter is recognised', async () => {
    const around = ['python3', '-c', DENY_UNSHARE]
    const { code, stderr } = await runInside(ordinaryUser(), ['true'], { around })
    assert.equal(code, 2)
    assert.match(stderr, /because a seccomp filter, as containers have, forbids it/)
  })

  test('a machine without unshare is told so', async () => {
    const around = ['env', 'PATH=/nowhere']
    const { code, stderr } = await runInside(ordinaryUser(), ['true'], { around })
    assert.equal(code, 2)
    assert.match(stderr, /because the program unshare \(util-linux\) is not installed/)
  })
})

/** Answers unshare(2) with EPERM, as Docker's default filter does, then becomes the words given. */
const DENY_UNSHARE = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
ins = lambda code, jt, jf, k: struct.pack("HBBI", code, jt, jf, k)
program = ins(0x20,0,0,0) + ins(0x15,0,1,number) + ins(6,0,0,0x50001) + ins(6,0,0,0x7fff0000)
buffer = ctypes.create_string_buffer(program)
filter = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(filter), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`
