import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readListening } from '../../client/netlink/listening.ts'
import {
  attribute,
  encodeMessage,
  isAnswer,
  nested,
  readMessages,
  withSequence,
} from '../../client/netlink/message.ts'
import { NETLINK, NetlinkError, openNetlink } from '../../client/netlink/socket.ts'
import { collectPorts, findHostPorts, listHostPorts } from '../../client/run/host-ports.ts'
import { hostPortsChange, innerRules } from '../../client/run/rules.ts'

const isRoot = process.getuid?.() === 0
const bytes = fc.uint8Array({ maxLength: 40 })

describe('netlink messages', () => {
  test('what is encoded is read back, several in a datagram', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (bodies) => {
        const all = Buffer.concat(bodies.map((body, at) => encodeMessage(100 + at, 5, body)))
        const read = readMessages(withSequence(all, 7).bytes)
        const wanted = bodies.map((body, at) => [100 + at, 7 + at, Buffer.from(body)])
        const got = read.map(({ type, sequence, bytes }) => [type, sequence, bytes.subarray(16)])
        assert.deepEqual(got, wanted)
      }),
    )
  })

  test('a datagram cut anywhere, or of any octets, is read without a throw', () => {
    const whole = Buffer.concat([encodeMessage(2, 0, Buffer.alloc(4)), encodeMessage(3, 0)])
    for (let at = 0; at <= whole.length; at++) {
      for (const message of readMessages(whole.subarray(0, at))) assert.ok(isAnswer(message))
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        for (const message of readMessages(Buffer.from(junk))) readListening(message.bytes)
      }),
    )
  })

  test('attributes are padded to four octets, their length is not', () => {
    assert.equal(attribute(5, Buffer.from([1])).toString('hex'), '0500050001000000')
    assert.equal(
      nested(4, attribute(1, Buffer.from([9]))).toString('hex'),
      '0c000480' + '0500010009000000',
    )
  })
})

describe('a netlink socket', () => {
  test('dumps the links of the machine: loopback is there', () => {
    const netlink = openNetlink(NETLINK.route)
    const links = netlink.request(encodeMessage(18, 0x301, Buffer.alloc(16)), 1)
    netlink.close()
    assert.ok(links.some((link) => link.readInt32LE(20) === 1))
  })

  test('says which message the kernel refused, and goes on working', () => {
    const netlink = openNetlink(NETLINK.route)
    // Setting up the device with index 0.
    const wrong = encodeMessage(16, 5, Buffer.alloc(16))
    const error = (() => {
      try {
        netlink.request(wrong, 1)
      } catch (thrown) {
        return thrown as NetlinkError
      }
      return undefined
    })()
    assert.ok(error instanceof NetlinkError)
    assert.ok(['ENODEV', 'EPERM', 'EINVAL'].includes(error.errno), error.errno)
    assert.deepEqual([error.code, error.step, error.messageIndex], ['ERR_NETLINK', 'answer', 0])
    assert.ok(netlink.request(encodeMessage(18, 0x301, Buffer.alloc(16)), 1).length > 0)
    netlink.close()
  })
})

describe('the rules inside', () => {
  test('are taken by the kernel and mean what rules.ts says', (t) => {
    if (!isRoot) return t.skip('listing rules needs root')
    const script = `
      import { execFileSync } from 'node:child_process'
      import { NETLINK, openNetlink } from '${root}/client/netlink/socket.ts'
      import { hostPortRules, hostPortsChange, innerRules } from '${root}/client/run/rules.ts'
      const netlink = openNetlink(NETLINK.netfilter)
      const send = ({ bytes, acks }) => netlink.request(bytes, acks)
      send(innerRules([4, 6]))
      send(hostPortRules([4, 6], { 4: [22, 80], 6: [22] }))
      send(hostPortsChange([4, 6], { 4: [22, 80], 6: [22] }, { 4: [22, 443], 6: [] }))
      console.log(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }))`
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module']
    const { stdout, stderr } = spawnSync('unshare', ['-n', ...node, '-e', script], {
      encoding: 'utf8',
    })
    assert.equal(stderr, '')
    assert.deepEqual(linesOf(stdout), LISTING)
  })

  test('a change of nothing is no message', () => {
    const ports = { 4: [53, 80], 6: [53] }
    assert.equal(hostPortsChange([4, 6], ports, { 4: [80, 53], 6: [53] }), undefined)
    assert.equal(hostPortsChange([4], ports, { 4: [53, 80], 6: [99] }), undefined)
  })

  test('a machine without IPv6 gets none of its rules', () => {
    assert.ok(innerRules([4]).acks < innerRules([4, 6]).acks)
  })
})

describe("the host's listening ports", () => {
  test('are listed by the families that they answer in', async () => {
    const servers = await Promise.all(
      ['127.0.0.1', '0.0.0.0', '::', '::1'].map(async (host) => {
        const server = createServer()
        await new Promise<void>((done) => server.listen(0, host, done).on('error', () => done()))
        return server
      }),
    )
    const ports = listHostPorts()
    const families = servers.map((server) => {
      const { port } = (server.address() ?? {}) as { port?: number }
      return ([4, 6] as const).filter((family) => port && ports?.[family].includes(port))
    })
    for (const server of servers) server.close()
    assert.deepEqual(families.slice(0, 2), [[4], [4]])
    // Without IPv6 the other two do not listen.
    assert.ok(['[[4,6],[6]]', '[[],[]]'].includes(JSON.stringify(families.slice(2))))
  })

  test('53 is always among them, and too many are none', () => {
    assert.deepEqual(collectPorts([]), { 4: [53], 6: [53] })
    const many = Array.from({ length: 2100 }, (_, at) => listenerOn(at + 100))
    assert.equal(collectPorts(many), undefined)
  })

  test('count for nothing where every address is local', (t) => {
    if (!isRoot) return t.skip('making a namespace needs root')
    const script = `
      import { findHostPorts } from '${root}/client/run/host-ports.ts'
      console.log(JSON.stringify(findHostPorts() ?? 'none'))`
    const node = `${process.execPath} --disable-warning=ExperimentalWarning --input-type=module`
    const words = `ip link set lo up; ip route add local default dev lo; ${node} -e "$0"`
    const { stdout } = spawnSync('unshare', ['-n', 'sh', '-c', words, script], { encoding: 'utf8' })
    assert.equal(stdout, '"none"\n')
    assert.notEqual(findHostPorts(), undefined)
  })
})

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '}')

const LISTING = linesOf(`
table inet byname {
  set host4 {
    type inet_service
    elements = { 22, 443 }
  set host6 {
    type inet_service
  chain dns {
    type nat hook output priority -100; policy accept;
    udp dport 53 redirect to :1
  chain tcp {
    type filter hook prerouting priority mangle; policy accept;
    ip daddr 127.0.0.0/8 meta l4proto tcp socket wildcard <= 1 accept
    ip daddr 127.0.0.0/8 meta l4proto tcp jump closed
    ip6 daddr ::1 meta l4proto tcp socket wildcard <= 1 accept
    ip6 daddr ::1 meta l4proto tcp jump closed
    meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:1 accept
    meta nfproto ipv6 meta l4proto tcp tproxy ip6 to [::1]:1 accept
  chain closed {
    meta nfproto ipv4 tcp dport != @host4 accept
    meta nfproto ipv6 tcp dport != @host6 accept`)

/** A sock_diag answer about a socket that listens on 0.0.0.0. */
function listenerOn(port: number): Buffer {
  const body = Buffer.alloc(72)
  body[0] = 2
  body[1] = 10
  body.writeUInt16BE(port, 4)
  return encodeMessage(20, 0, body)
}
