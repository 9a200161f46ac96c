import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { LoopbackGate } from '../../client/loopback/accept.ts'
import { LoopbackLeases, openLoopbackLeases, PROBE_ADDRESS } from '../../client/loopback/leases.ts'
import { LoopbackPorts } from '../../client/loopback/ports.ts'
import { tcpPorts } from '../../client/loopback/published.ts'
import { listWithheld } from '../../client/loopback/withheld.ts'
import { openDoor } from '../../client/peer/door.ts'
import { type Hostname, parseHostname } from '../../names/hostname.ts'
import { silentLog as log } from '../../process/log.ts'
import { type Catalog, Ownership } from '../../resolver/catalog.ts'
import { openLeaseMemory } from '../../resolver/lease-file.ts'
import { sessionOf, tempProfile } from './profile-dir.ts'
import { closedPort } from './proxy-house.ts'

const WIKI = parseHostname('wiki.corp.internal')

const catalogOf = (entries: Record<string, readonly [number, number][]>): Catalog => ({
  zones: ['corp.internal'],
  entries: Object.entries(entries).map(([pattern, ranges]) => ({
    pattern,
    owned: true,
    ports: ranges.map(([from, to]) => ({ from, to, protocol: 'tcp' as const })),
  })),
})

function house(t: TestContext, catalog: Catalog) {
  const ownership = new Ownership({ kept: catalog })
  const leases = new LoopbackLeases(openLeaseMemory())
  const carried: [Hostname, number][] = []
  const gate = new LoopbackGate({
    ownership,
    door: openDoor,
    nameAt: (address) => leases.nameOf(address, Date.now()),
    carry: (socket, name, port) => {
      carried.push([name, port])
      socket.end('carried')
    },
  })
  const ports = new LoopbackPorts({
    ownership,
    take: (socket) => gate.take(socket),
    log,
    probeAddress: PROBE_ADDRESS,
    nodePath: '/opt/node',
  })
  leases.onLease = (name, address) => ports.hold(name, address)
  t.after(() => ports.close())
  const addressOf = (name: Hostname): string => {
    const answer = leases.addressFor(name, 4, Date.now())
    assert.equal(answer.kind, 'leased')
    return answer.kind === 'leased' ? answer.address : ''
  }
  return { ownership, leases, ports, gate, carried, addressOf }
}

/** What a program sees: the text, or the error's code. */
function dial(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, address)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve(text))
  })
}

test('a name is listened for on its ports before its address is out', async (t) => {
  const port = await closedPort()
  const { ports, addressOf, carried } = house(t, catalogOf({ [WIKI]: [[port, port]] }))
  const address = addressOf(WIKI)
  assert.match(address, /^127\.80\./)
  await ports.settled()
  assert.equal(await dial(address, port), 'carried')
  assert.deepEqual(carried, [[WIKI, port]])
  assert.equal(ports.settled(), undefined)
})

test('two names on one port are two addresses, each with its own name', async (t) => {
  const port = await closedPort()
  const catalog = catalogOf({ [WIKI]: [[port, port]], '*.dev.corp.internal': [[port, port]] })
  const { ports, addressOf, carried } = house(t, catalog)
  const other = parseHostname('a.dev.corp.internal')
  const addresses = [addressOf(WIKI), addressOf(other)]
  await ports.settled()
  for (const address of addresses) assert.equal(await dial(address, port), 'carried')
  assert.deepEqual(
    carried.map(([name]) => name),
    [WIKI, other],
  )
})

test('ports come and go with the catalogue', async (t) => {
  const [first, second] = [await closedPort(), await closedPort()]
  const { ownership, ports, addressOf } = house(t, catalogOf({ [WIKI]: [[first, first]] }))
  const address = addressOf(WIKI)
  await ports.settled()
  ownership.update(catalogOf({ [WIKI]: [[second, second]] }))
  await ports.refresh()
  assert.equal(await dial(address, first), 'ECONNREFUSED')
  assert.equal(await dial(address, second), 'carried')
  ownership.update(catalogOf({}))
  await ports.refresh()
  assert.equal(await dial(address, second), 'ECONNREFUSED')
  assert.equal(ports.listenerCount, 0)
})

test('a connection that its catalogue forgot meanwhile is reset and counted', async (t) => {
  const port = await closedPort()
  const { ownership, ports, gate, addressOf } = house(t, catalogOf({ [WIKI]: [[port, port]] }))
  const address = addressOf(WIKI)
  await ports.settled()
  ownership.update(catalogOf({}))
  assert.equal(await dial(address, port), 'ECONNRESET')
  assert.equal(gate.counts.noName, 1)
})

test('an address that no name holds is refused', async (t) => {
  const port = await closedPort()
  const { ports, addressOf } = house(t, catalogOf({ [WIKI]: [[port, port]] }))
  addressOf(WIKI)
  await ports.settled()
  assert.equal(await dial('127.80.99.99', port), 'ECONNREFUSED')
})

test('nothing of it can be reached from the network', async (t) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)
  if (!outside) return t.skip('this machine has no address but loopback')
  const port = await closedPort()
  const { ports, addressOf } = house(t, catalogOf({ [WIKI]: [[port, port]] }))
  addressOf(WIKI)
  await ports.settled()
  assert.equal(await dial(outside.address, port), 'ECONNREFUSED')
  assert.equal(await dial('127.0.0.1', port), 'ECONNREFUSED')
})

test('addresses of an earlier run are listened on from the start', async (t) => {
  const port = await closedPort()
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const before = openLoopbackLeases(profile, log)
  const lease = before.addressFor(WIKI, 4, Date.now())
  before.close()
  const after = openLoopbackLeases(profile, log)
  t.after(() => after.close())
  const revived: string[] = []
  after.onLease = (name, address) => revived.push(`${name} ${address}`)
  after.revive()
  assert.deepEqual(revived, [`${WIKI} ${lease.kind === 'leased' && lease.address}`])
  assert.ok(port > 0)
})

test('a port that another program has on every address is said before it is needed', async (t) => {
  const taken = createServer()
  taken.listen(0, '0.0.0.0')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const { ports } = house(
    t,
    catalogOf({ [WIKI]: [[port, port]], 'many.corp.internal': [[1, 60_000]] }),
  )
  await ports.refresh()
  const [inUse, many] = ports.withheld
  assert.deepEqual([inUse?.port, inUse?.why, inUse?.apps], [port, 'in-use', [WIKI]])
  assert.match(inUse?.fix ?? '', new RegExp(`ss -ltnp 'sport = :${port}'`))
  assert.deepEqual([many?.why, many?.apps], ['too-many', ['many.corp.internal']])
})

test('the line for privileged ports frees all of them at once', () => {
  const listed = listWithheld({
    appsByPort: new Map([
      [443, ['a.b']],
      [80, ['a.b', 'c.d']],
    ]),
    whyByPort: new Map([
      [443, 'privileged'],
      [80, 'privileged'],
    ]),
    tooMany: [],
    nodePath: '/opt/node',
  })
  assert.deepEqual(
    listed.map(({ port }) => port),
    [80, 443],
  )
  for (const { fix } of listed) {
    assert.equal(
      fix,
      'sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80 (or: sudo setcap cap_net_bind_service=+ep /opt/node)',
    )
  }
})

test('ranges count as ports up to a bound, and UDP not at all', () => {
  const range = (from: number, to: number, protocol: 'tcp' | 'udp' = 'tcp') => ({
    from,
    to,
    protocol,
  })
  assert.deepEqual(
    tcpPorts({ ports: [range(80, 80), range(80, 82), range(53, 53, 'udp')] }),
    [80, 81, 82],
  )
  assert.equal(tcpPorts({ ports: [range(1, 65_535)] }), 'too-many')
  assert.equal(tcpPorts({ ports: [range(1, 40), range(101, 140)] }), 'too-many')
})
