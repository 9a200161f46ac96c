/**
 * What a program inside `byname run` may try: to speak to byname over what it inherited, to take
 * byname's sockets or keys from its memory or descriptors, to change the rules, to get around them.
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { ordinaryUser, runInside } from '../run/start.ts'

const user = ordinaryUser()
const python = async (script: string, ...words: string[]) => {
  const { stdout, stderr } = await runInside(user, ['python3', '-c', PRELUDE + script, ...words])
  assert.equal(stderr, '')
  return stdout.trim().split('\n')
}

const PRELUDE = `
import ctypes, errno, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(what):
    try:
        what()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
def call(*words):
    return "done" if libc.syscall(*words) >= 0 else errno.errorcode[ctypes.get_errno()]
def refused(*words):
    return subprocess.run(words, capture_output=True).returncode != 0
`

describe('a program inside', { concurrency: 2 }, () => {
  test('inherits the standard streams and nothing else', async () => {
    const [fds, channel] = await python(`
print(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:4], flush=True)
print([name for name in os.environ if name.startswith(("NODE_", "BYNAME_", "DRIVER_"))])`)
    // 3 is the listing's own.
    assert.equal(fds, '[0, 1, 2, 3]')
    assert.equal(channel, '[]')
  })

  test('cannot look into byname: descriptors, memory, environment, namespaces', async () => {
    const tries = await python(`
parent = f"/proc/{os.getppid()}"
for fd in range(3, 40):
    for way in (os.readlink, open):
        print(tried(lambda: way(f"{parent}/fd/{fd}")))
print(tried(lambda: open(f"{parent}/mem", "rb")))
print(tried(lambda: open(f"{parent}/environ", "rb").read()))
print(tried(lambda: open(f"{parent}/ns/net", "rb")))
print(tried(lambda: os.readlink(f"{parent}/cwd")))`)
    // The numbers of its descriptors can be listed, so one that is not open is told from one that is.
    const kinds = [...new Set(tries)].filter((outcome) => outcome !== 'ENOENT')
    assert.deepEqual(kinds, ['EACCES'])
  })

  test('cannot trace byname, take a descriptor of it, or enter its namespaces', async () => {
    const tries = await python(`
PTRACE_ATTACH, PIDFD_OPEN, PIDFD_GETFD, SETNS = 16, 434, 438, {"x86_64": 308, "aarch64": 268}[os.uname().machine]
parent = os.getppid()
print("done" if libc.ptrace(PTRACE_ATTACH, parent, 0, 0) == 0 else errno.errorcode[ctypes.get_errno()])
pidfd = libc.syscall(PIDFD_OPEN, parent, 0)
print([call(PIDFD_GETFD, pidfd, fd, 0) for fd in range(3, 40)].count("done"))
print(call(SETNS, pidfd, 0x40000000))`)
    assert.deepEqual(tries, ['EPERM', '0', 'EPERM'])
  })

  test('cannot change the rules, the routes or the link, nor from a namespace of its own', async () => {
    const tries = await python(`
for around in ([], ["unshare", "-Ur"]):
    print(refused(*around, "nft", "flush", "ruleset"))
    print(refused(*around, "ip", "link", "set", "lo", "down"))
    print(refused(*around, "ip", "route", "del", "local", "default", "dev", "lo", "table", "local"))
    print(refused(*around, "umount", "/"))`)
    assert.deepEqual(tries, Array(8).fill('True'))
  })

  test('gets no datagram out but questions to the resolver', async () => {
    const got: string[] = []
    const outside = createSocket('udp4', (message) => got.push(message.toString()))
    await new Promise<void>((done) => outside.bind(0, '127.0.0.1', done))
    await python(
      `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in ("127.0.0.1", "192.0.2.1"):
    s.sendto(b"leak", (address, int(sys.argv[1])))
raw = tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 17))
assert raw == "EPERM", raw`,
      String(outside.address().port),
    )
    await new Promise((done) => setTimeout(done, 50))
    outside.close()
    assert.deepEqual(got, [])
  })

  test('finds nothing at the place of byname’s own sockets', async () => {
    const [tcp, udp] = await python(`
print(tried(lambda: socket.create_connection(("127.0.0.1", 1), 5).recv(1)))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.sendto(b"not DNS", ("127.0.0.1", 1))
try: print(s.recv(512)[3] & 15)
except TimeoutError: print("silence")`)
    // Byname takes it for a connection to the host's port 1, where nobody listens.
    assert.equal(tcp, 'ECONNRESET')
    assert.ok(['silence', '1'].includes(udp ?? ''))
  })

  test('does not reach an abstract socket of the host', async () => {
    const name = `byname-test-${process.pid}`
    const server = createServer((socket) => socket.end('secret'))
    await new Promise<void>((done) => server.listen({ path: `\0${name}` }, () => done()))
    const [outcome] = await python(
      `
s = socket.socket(socket.AF_UNIX)
print(tried(lambda: s.connect("\\0" + sys.argv[1])))`,
      name,
    )
    server.close()
    assert.equal(outcome, 'ECONNREFUSED')
  })
})
