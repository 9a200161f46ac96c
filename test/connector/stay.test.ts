import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tunnel } from '../../connector/attempt.ts'
import { seatsFor } from '../../connector/seats.ts'
import { Stay } from '../../connector/stay.ts'
import { silentLog } from '../../process/log.ts'
import { TunnelError } from '../../tunnel/codes.ts'
import { Addresses } from '../../tunnel/link.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { StandingClock, turn } from './clock.ts'

class FakeTunnel {
  readonly edge: string
  readonly ready: Tunnel['ready']
  readonly said: string[] = []
  flowCount = 0
  isInDoubt = false
  canResume = true
  localAddress = '192.0.2.1'
  readonly #draining = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<LinkClosed>()
  readonly endpoint: Tunnel['endpoint']
  readonly draining = this.#draining.promise
  readonly closed = this.#closed.promise

  constructor(edge: string, edges: readonly string[]) {
    this.edge = edge
    this.ready = { edges, edgeName: edge, exporterMatched: true } as unknown as Tunnel['ready']
    const tunnel = this
    this.endpoint = {
      get flowCount() {
        return tunnel.flowCount
      },
      get isInDoubt() {
        return tunnel.isInDoubt
      },
      get canResume() {
        return tunnel.canResume
      },
      rttMs: 1,
      lose: (reason) => {
        tunnel.said.push(`lose ${reason}`)
        tunnel.die('tunnel-lost', 'us')
      },
      send: () => tunnel.said.push('send'),
      tick: () => tunnel.said.push('tick'),
      goAway: () => tunnel.said.push('goAway'),
      close: () => {
        tunnel.said.push('close')
        tunnel.die('shutting-down', 'us')
      },
    }
  }

  drain(): void {
    this.#draining.resolve()
  }

  die(code: LinkClosed['code'] = 'tunnel-lost', by: LinkClosed['by'] = 'network'): void {
    this.#draining.resolve()
    this.#closed.resolve({ code, reason: 'test', by })
  }
}

interface World {
  edges: string[]
  /** What an attempt comes to: undefined opens a tunnel. */
  answer: (edge: string) => Error | undefined
  /** Addresses of this machine. */
  addresses: string[]
}

/** No flow of these tunnels outlives its tunnel. */
const noFlows = () => ({ detachedCount: 0, tick() {}, close() {} })

const interfacesOf = (world: Partial<World>) => () => ({
  eth0: (world.addresses ?? ['192.0.2.1']).map((address) => ({
    ...{ address, netmask: '', family: 'IPv4' as const, mac: '', internal: false, cidr: null },
  })),
})

function staying(world: Partial<World> = {}, isPinned = false) {
  const clock = new StandingClock()
  const tunnels: FakeTunnel[] = []
  const attempts: { edge: string; at: number }[] = []
  const announced: unknown[] = []
  const revoked: string[] = []
  const startedAt = clock.now()
  const flows = noFlows()
  const stay = new Stay({
    edge: 'https://a',
    isPinned,
    clock,
    random: () => 0.999999,
    log: silentLog,
    flows,
    addresses: new Addresses(interfacesOf(world)),
    ready: (tunnel) => announced.push(tunnel),
    revoked: (reason) => revoked.push(reason),
    async open(edge) {
      attempts.push({ edge, at: clock.now() - startedAt })
      const error = world.answer?.(edge)
      if (error) throw error
      const tunnel = new FakeTunnel(edge, world.edges ?? ['https://a'])
      tunnel.localAddress = world.addresses?.[0] ?? tunnel.localAddress
      tunnels.push(tunnel)
      return tunnel as unknown as Tunnel
    },
  })
  stay.start()
  return { stay, clock, tunnels, attempts, announced, revoked, world, flows }
}

const openAt = (stay: Stay) =>
  stay.status
    .filter(({ state }) => state === 'open')
    .map(({ edge }) => edge)
    .sort()

test('each edge has one seat, an edge that is alone two, and there are eight at most', () => {
  assert.deepEqual(seatsFor('https://a', []), ['https://a', 'https://a'])
  assert.deepEqual(seatsFor('https://a', ['wss://a:443/tunnel']), ['https://a', 'https://a'])
  assert.deepEqual(seatsFor('https://a', ['https://b', 'https://a']), ['https://a', 'https://b'])
  const many = Array.from({ length: 20 }, (_, at) => `https://e${at}`)
  assert.equal(seatsFor('https://a', many).length, 8)
  assert.deepEqual(seatsFor('https://a', ['http://b', 'nonsense', 'file:///etc']), [
    'https://a',
    'https://a',
  ])
})

test('two tunnels are kept to one edge, within 200 ms of the start, each announced on', async () => {
  const { stay, clock, announced, attempts } = staying()
  await clock.pass(200)
  assert.deepEqual(openAt(stay), ['https://a', 'https://a'])
  assert.equal(announced.length, 2)
  assert.ok(attempts.every(({ at }) => at <= 200))
  assert.equal(stay.isReady, true)
})

test('the edges that READY lists get a tunnel each', async () => {
  const { stay, clock, tunnels } = staying({ edges: ['https://a', 'https://b', 'https://c'] })
  await clock.pass(3000)
  assert.deepEqual(openAt(stay), ['https://a', 'https://b', 'https://c'])
  const spare = tunnels.filter(({ edge, said }) => edge === 'https://a' && said.includes('close'))
  assert.equal(
    tunnels.length - spare.length,
    3,
    'the second seat of the edge that was alone is given up',
  )
  assert.equal([...stay.tunnels].length, 3)
})

test('a pinned edge address is the only one that is dialled', async () => {
  const { stay, clock } = staying({ edges: ['https://b', 'https://c'] }, true)
  await clock.pass(3000)
  assert.deepEqual(openAt(stay), ['https://a', 'https://a'])
})

test('a lost tunnel is replaced within a second while the other one lives', async () => {
  const { stay, clock, tunnels, attempts } = staying()
  await clock.pass(60_000)
  tunnels[0]?.die()
  await turn()
  assert.equal(openAt(stay).length, 1)
  await clock.pass(1000)
  assert.equal(openAt(stay).length, 2)
  assert.equal(attempts.length, 3)
})

test('a draining edge gets a successor at once, and the old tunnel lives on with its flows', async () => {
  const { stay, clock, tunnels } = staying()
  await clock.pass(60_000)
  const [old] = tunnels
  assert.ok(old)
  old.flowCount = 3
  old.drain()
  await clock.pass(1000)
  assert.equal(openAt(stay).length, 2)
  assert.equal([...stay.tunnels].length, 3)
  assert.equal(old.said.includes('close'), false)
  old.die()
  await turn()
  assert.equal([...stay.tunnels].length, 2)
})

test('tries grow apart to 30 s and no further, and begin anew after a tunnel that lasted', async () => {
  const away = new TunnelError('tunnel-lost', 'refused')
  const { stay, clock, attempts, world } = staying({ answer: () => away })
  await clock.pass(300_000)
  const gaps = attempts
    .filter((_, at) => at % 2 === 0)
    .map(({ at }, index, all) => at - (all[index - 1]?.at ?? 0))
  assert.ok(
    gaps.slice(1, 6).every((gap, at, all) => at === 0 || gap > (all[at - 1] ?? 0)),
    `${gaps}`,
  )
  assert.ok(gaps.every((gap) => gap <= 30_001) && (gaps.at(-1) ?? 0) > 29_000, `${gaps}`)
  assert.match(stay.status[0]?.lastError ?? '', /tunnel-lost/)
  world.answer = () => undefined
  await clock.pass(31_000)
  assert.equal(openAt(stay).length, 2)
  assert.equal(stay.status[0]?.lastError, undefined)
})

test('an edge that takes tunnels and drops them at once is not hammered', async () => {
  const { clock, tunnels } = staying()
  for (let at = 0; at < 600; at++) {
    await clock.pass(100)
    for (const tunnel of tunnels) tunnel.die('internal', 'peer')
  }
  assert.ok(tunnels.length < 30, `${tunnels.length} tunnels in a minute`)
})

test('a revoked connector hears of it, from a refusal and from a close', async () => {
  const refused = staying({ answer: () => new TunnelError('connector-revoked', 'by admin') })
  await refused.clock.pass(1000)
  assert.equal(refused.revoked[0], 'by admin')
  const closed = staying()
  await closed.clock.pass(1000)
  closed.tunnels[0]?.die('connector-revoked', 'peer')
  await turn()
  assert.deepEqual(closed.revoked, ['test'])
})

test('an edge that nobody lists any more keeps its seat for some minutes: it may be restarting', async () => {
  const { stay, clock, tunnels, world } = staying({ edges: ['https://a', 'https://b'] })
  await clock.pass(60_000)
  world.edges = ['https://b']
  world.answer = (edge) =>
    edge === 'https://a' ? new TunnelError('tunnel-lost', 'away') : undefined
  for (const tunnel of tunnels) tunnel.die()
  await clock.pass(100_000)
  assert.deepEqual(
    stay.status.map(({ edge, state }) => [edge, state === 'open']),
    [
      ['https://a', false],
      ['https://b', true],
    ],
  )
  delete world.answer
  await clock.pass(2_001)
  assert.deepEqual(openAt(stay), ['https://a', 'https://b'], 'and is dialled often meanwhile')
})

test('an edge that comes later, as another one tells, gets its seat', async () => {
  const { stay, clock } = staying()
  await clock.pass(60_000)
  stay.edgesListed(['https://a', 'https://b'])
  await clock.pass(1_000)
  assert.deepEqual(openAt(stay), ['https://a', 'https://b'])
})

test('a tunnel in doubt is lost when another one is well: its flows can go on there', async () => {
  const { stay, clock, tunnels } = staying()
  await clock.pass(60_000)
  const [silent] = tunnels
  assert.ok(silent)
  silent.isInDoubt = true
  await clock.pass(1_000)
  assert.ok(silent.said.at(-1)?.startsWith('lose '))
  await clock.pass(1_000)
  assert.equal(tunnels.length, 3)
  assert.equal(openAt(stay).length, 2)
})

test('with every tunnel in doubt, each gets a successor, and is lost when that stands', async () => {
  const { stay, clock, tunnels } = staying()
  await clock.pass(60_000)
  const silent = [...tunnels]
  for (const tunnel of silent) tunnel.isInDoubt = true
  await clock.pass(1_000)
  assert.equal(openAt(stay).length, 0, 'they do not count as open')
  assert.ok(silent.every(({ said }) => said.at(-1) === 'tick'))
  await clock.pass(2_000)
  assert.equal(openAt(stay).length, 2)
  assert.ok(silent.every(({ said }) => said.at(-1)?.startsWith('lose ')))
  assert.equal([...stay.tunnels].length, 2)
})

test('a tunnel that comes out of doubt is taken again, and one that comes out too late is left', async () => {
  const away = new TunnelError('tunnel-lost', 'refused')
  const { stay, clock, tunnels, world } = staying()
  await clock.pass(60_000)
  const [first, second] = tunnels
  assert.ok(first && second)
  world.answer = () => away
  first.isInDoubt = second.isInDoubt = true
  await clock.pass(3_000)
  assert.equal(openAt(stay).length, 0)
  first.isInDoubt = second.isInDoubt = false
  await clock.pass(10_000)
  assert.equal(openAt(stay).length, 2)
  assert.equal(tunnels.length, 2, 'no other was needed')
  delete world.answer
  second.isInDoubt = true
  second.flowCount = 1
  second.canResume = false
  await clock.pass(3_000)
  assert.equal(tunnels.length, 3)
  assert.equal(second.said.includes('goAway'), true, 'its flows could not go on elsewhere')
  assert.equal(second.said.includes('close'), false)
})

test('a tunnel whose local address is gone is lost at once, and dialled anew from the new one', async () => {
  const { stay, clock, tunnels, world } = staying()
  await clock.pass(60_000)
  world.addresses = ['198.51.100.7']
  await clock.pass(1_000)
  assert.deepEqual(
    tunnels.map(({ said }) => said.at(-1)),
    ['lose the network address is gone', 'lose the network address is gone'],
  )
  await clock.pass(1_000)
  assert.equal(openAt(stay).length, 2)
})

test('when the network changes, the pauses that were chosen before it are over', async () => {
  const { stay, clock, world } = staying({
    addresses: [],
    answer: () => new TunnelError('tunnel-lost', 'no route'),
  })
  await clock.pass(200_000)
  delete world.answer
  world.addresses = ['192.0.2.1']
  await clock.pass(1_400)
  assert.equal(openAt(stay).length, 2)
})

test('flows that wait detached are counted among those that closing cuts', async () => {
  const { stay, clock, flows } = staying()
  await clock.pass(1000)
  flows.detachedCount = 2
  const closing = stay.close(1_000)
  await clock.pass(3_000)
  assert.equal(await closing, 2)
})

test('every tunnel is ticked each second, draining ones too', async () => {
  const { clock, tunnels } = staying()
  await clock.pass(200)
  tunnels[0]?.drain()
  await clock.pass(5000)
  for (const { said } of tunnels.slice(0, 2))
    assert.ok(said.filter((word) => word === 'tick').length >= 4)
})

test('closing takes no more flows, waits for those there are, and says how many it cut', async () => {
  const { stay, clock, tunnels } = staying()
  await clock.pass(1000)
  const [one, two] = tunnels
  assert.ok(one && two)
  one.flowCount = 2
  two.flowCount = 1
  const closing = stay.close(10_000)
  await clock.pass(3000)
  assert.deepEqual([one.said.at(-1), two.said.includes('goAway')], ['tick', true])
  one.flowCount = 0
  await clock.pass(10_000)
  assert.equal(await closing, 1)
  assert.ok(one.said.includes('close') && two.said.includes('close'))
  assert.equal(clock.waitingCount, 0, 'no timer is left')
})

test('closing while an attempt is under way leaves no tunnel behind', async () => {
  const late = Promise.withResolvers<void>()
  const made: FakeTunnel[] = []
  const clock = new StandingClock()
  const stay = new Stay({
    edge: 'https://a',
    isPinned: false,
    clock,
    random: () => 0,
    log: silentLog,
    flows: noFlows(),
    ready: () => assert.fail('nothing is announced any more'),
    revoked: () => undefined,
    async open(edge) {
      await late.promise
      const tunnel = new FakeTunnel(edge, [])
      made.push(tunnel)
      return tunnel as unknown as Tunnel
    },
  })
  stay.start()
  await clock.pass(10)
  const closing = stay.close(0)
  late.resolve()
  await clock.pass(2000)
  await closing
  assert.deepEqual(
    made.map(({ said }) => said.includes('close')),
    [true, true],
  )
})
