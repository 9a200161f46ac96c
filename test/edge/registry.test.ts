import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Enrolled, type Picked, type PickedInstance, Registry } from '../../edge/registry.ts'
import { parseHostname } from '../../names/hostname.ts'
import { parsePattern } from '../../names/pattern.ts'
import type { AnnouncedApp } from '../../tunnel/control.ts'

interface Wire {
  readonly label: string
  flowCount: number
  isInDoubt: boolean
}

const wire = (label: string, flowCount = 0): Wire => ({ label, flowCount, isInDoubt: false })
const name = parseHostname

const connector = (id: string, ...grants: string[]): Enrolled => ({
  id,
  name: `name-of-${id}`,
  grants: grants.map(parsePattern),
})

const app = (pattern: string, port = 80, health: AnnouncedApp['health'] = 'ok'): AnnouncedApp => ({
  pattern,
  ports: [{ from: port, to: port, protocol: 'tcp' }],
  fixedTo: false,
  health,
})

function registryOf(...connectors: Enrolled[]): Registry<Wire> & { changes: number } {
  const registry = new Registry<Wire>({
    zones: [name('own.example')],
    random: Math.random,
    changed: () => {
      counted.changes++
    },
  })
  const counted = Object.assign(registry, { changes: 0 })
  registry.enrol(connectors)
  return counted
}

test('an announced name inside the grant is published on its ports, and nothing else is', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'))
  const tunnel = wire('one')
  assert.ok(registry.attach('hq', 'i1', tunnel))
  const sorted = registry.announce(tunnel, [app('wiki.corp.internal')])
  assert.deepEqual(sorted.refused, [])
  assert.ok(registry.isPublished(name('wiki.corp.internal'), 80, 'tcp'))
  assert.ok(!registry.isPublished(name('wiki.corp.internal'), 443, 'tcp'))
  assert.ok(!registry.isPublished(name('wiki.corp.internal'), 80, 'udp'))
  assert.ok(!registry.isPublished(name('db.corp.internal'), 80, 'tcp'))
})

test('a name outside the grant is refused, the others of the announcement are taken', () => {
  const registry = registryOf(connector('hq', '*.ci.corp.internal', 'git.corp.internal'))
  const tunnel = wire('one')
  registry.attach('hq', 'i1', tunnel)
  const apps = [
    app('git.corp.internal'),
    app('wiki.corp.internal'),
    app('*.corp.internal'),
    app('domain:ci.corp.internal'),
    app('a.ci.corp.internal'),
    app('not a name'),
    app('GIT.corp.internal.'),
  ]
  const { accepted, refused } = registry.announce(tunnel, apps)
  assert.deepEqual(accepted.map(({ pattern }) => pattern.base).sort(), [
    'a.ci.corp.internal',
    'git.corp.internal',
  ])
  assert.deepEqual(
    refused.map(({ pattern, why }) => `${pattern} ${why}`),
    [
      'wiki.corp.internal not-granted',
      '*.corp.internal not-granted',
      'domain:ci.corp.internal not-granted',
      'not a name not-a-pattern',
      'git.corp.internal twice',
    ],
  )
  assert.ok(!registry.exists(name('wiki.corp.internal')))
})

test('a granted name is private before anybody is connected, and so is a zone of the settings', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal', 'www.shop.example'))
  assert.ok(registry.isPrivate(name('anything.corp.internal')))
  assert.ok(registry.isPrivate(name('www.shop.example')))
  assert.ok(registry.isPrivate(name('x.own.example')))
  assert.ok(!registry.isPrivate(name('shop.example')))
  assert.deepEqual(registry.zones(), ['corp.internal', 'own.example'])
})

test('an exact host beats a wildcard, even when nobody who offers the host is there', () => {
  const registry = registryOf(
    connector('a', 'domain:corp.internal'),
    connector('b', 'domain:corp.internal'),
  )
  const [wild, exact] = [wire('wild'), wire('exact')]
  registry.attach('a', 'i', wild)
  registry.attach('b', 'i', exact)
  registry.announce(wild, [app('*.corp.internal'), app('*.corp.internal', 443)])
  registry.announce(exact, [app('git.corp.internal')])
  const git = name('git.corp.internal')
  assert.equal(labelOf(registry.pick(git, 80, 'tcp')), 'exact')
  assert.equal(labelOf(registry.pick(name('x.corp.internal'), 80, 'tcp')), 'wild')
  registry.detach(exact)
  assert.equal(labelOf(registry.pick(git, 80, 'tcp')), 'connector-down')
  assert.ok(registry.isPublished(git, 80, 'tcp'), 'a name does not vanish with its connector')
})

test('a pick says whether the name, the port or the connector is missing', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'))
  const tunnel = wire('one')
  registry.attach('hq', 'i1', tunnel)
  const wiki = name('wiki.corp.internal')
  assert.equal(registry.pick(wiki, 80, 'tcp').kind, 'no-such-name')
  registry.announce(tunnel, [app('wiki.corp.internal')])
  assert.equal(registry.pick(wiki, 81, 'tcp').kind, 'not-published')
  assert.equal(registry.pick(wiki, 80, 'tcp', new Set([tunnel])).kind, 'connector-down')
  assert.equal(labelOf(registry.pick(wiki, 80, 'tcp')), 'one')
})

test('flows are spread over all tunnels of all connectors, the less loaded of two each time', () => {
  const registry = registryOf(
    connector('a', 'wiki.corp.internal'),
    connector('b', 'wiki.corp.internal'),
  )
  const wires = ['a1', 'a2', 'b1', 'b2'].map((label) => wire(label))
  for (const tunnel of wires) registry.attach(tunnel.label.charAt(0), 'i', tunnel)
  for (const tunnel of wires) registry.announce(tunnel, [app('wiki.corp.internal')])
  for (let count = 0; count < 400; count++) {
    const picked = registry.pick(name('wiki.corp.internal'), 80, 'tcp')
    assert.equal(picked.kind, 'picked')
    if (picked.kind === 'picked') picked.tunnel.flowCount++
  }
  for (const { label, flowCount } of wires) {
    assert.ok(flowCount >= 90 && flowCount <= 110, `${label} has ${flowCount} of 400`)
  }
})

test('a lost tunnel is left out at once, a failing origin is used only when there is no other', () => {
  const registry = registryOf(
    connector('a', 'wiki.corp.internal'),
    connector('b', 'wiki.corp.internal'),
  )
  const [a, b] = [wire('a'), wire('b')]
  registry.attach('a', 'i', a)
  registry.attach('b', 'i', b)
  registry.announce(a, [app('wiki.corp.internal', 80, 'failing')])
  registry.announce(b, [app('wiki.corp.internal')])
  const pick = () => labelOf(registry.pick(name('wiki.corp.internal'), 80, 'tcp'))
  assert.deepEqual(new Set(Array.from({ length: 20 }, pick)), new Set(['b']))
  registry.detach(b)
  assert.equal(pick(), 'a')
})

test('an announcement counts for every tunnel of its process, and not for another process', () => {
  const registry = registryOf(connector('a', 'domain:corp.internal'))
  const [old1, old2, fresh] = [wire('old1'), wire('old2'), wire('fresh')]
  registry.attach('a', 'old', old1)
  registry.attach('a', 'old', old2)
  registry.attach('a', 'new', fresh)
  registry.announce(old1, [app('wiki.corp.internal'), app('db.corp.internal')])
  registry.announce(fresh, [app('wiki.corp.internal')])
  const labels = (host: string) =>
    new Set(Array.from({ length: 60 }, () => labelOf(registry.pick(name(host), 80, 'tcp'))))
  assert.deepEqual(labels('db.corp.internal'), new Set(['old1', 'old2']))
  assert.deepEqual(labels('wiki.corp.internal'), new Set(['old1', 'old2', 'fresh']))
  registry.detach(old1)
  registry.detach(old2)
  assert.ok(!registry.exists(name('db.corp.internal')))
})

test('a process is gone when its connections were closed, or another has taken its place', () => {
  const registry = registryOf(connector('a', 'domain:corp.internal'))
  const [silent, closed, fresh] = [wire('silent'), wire('closed'), wire('fresh')]
  registry.attach('a', 'a.1', silent)
  assert.equal(registry.isGone('a.1'), false, 'it is here')
  registry.detach(silent)
  assert.equal(registry.isGone('a.1'), false, 'its network may come back')
  registry.attach('a', 'a.2', closed)
  registry.detach(closed, true)
  assert.equal(registry.isGone('a.2'), true, 'its system closed the connections')
  registry.attach('a', 'a.2', closed)
  assert.equal(registry.isGone('a.2'), false, 'it was only its way that was closed')
  registry.detach(closed)
  registry.attach('a', 'a.3', fresh)
  assert.equal(registry.isGone('a.1'), true, 'another process of it is here')
  assert.equal(registry.isGone('b.1'), false, 'nobody knows that one')
})

test('a revoked connector loses its names and gives its tunnels back to be closed', () => {
  const hq = connector('hq', 'domain:corp.internal')
  const registry = registryOf(hq)
  const tunnel = wire('one')
  registry.attach('hq', 'i', tunnel)
  registry.announce(tunnel, [app('wiki.corp.internal')])
  assert.deepEqual(registry.enrol([]), [tunnel])
  assert.ok(!registry.isPrivate(name('wiki.corp.internal')))
  assert.ok(!registry.exists(name('wiki.corp.internal')))
  assert.equal(registry.attach('hq', 'i', tunnel), false)
  assert.deepEqual(registry.announce(tunnel, [app('wiki.corp.internal')]).accepted, [])
})

test('a narrower grant takes published names away without a new announcement', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'))
  const tunnel = wire('one')
  registry.attach('hq', 'i', tunnel)
  registry.announce(tunnel, [app('wiki.corp.internal'), app('db.corp.internal')])
  registry.enrol([connector('hq', 'db.corp.internal')])
  assert.ok(!registry.exists(name('wiki.corp.internal')))
  assert.ok(registry.serves('hq', name('db.corp.internal'), 80, 'tcp'))
})

test('what a connector offered before a restart of the edge is recalled, within its grant', () => {
  const registry = registryOf(connector('hq', 'wiki.corp.internal'))
  registry.recall('hq', [app('wiki.corp.internal'), app('db.corp.internal')])
  assert.equal(registry.pick(name('wiki.corp.internal'), 80, 'tcp').kind, 'connector-down')
  assert.ok(!registry.exists(name('db.corp.internal')))
  const tunnel = wire('one')
  registry.attach('hq', 'i', tunnel)
  assert.equal(
    registry.pick(name('wiki.corp.internal'), 80, 'tcp').kind,
    'connector-down',
    'a connector that has not announced yet is not given flows on an old word',
  )
})

test('publications join the ports of all who offer one pattern', () => {
  const registry = registryOf(
    connector('a', 'domain:corp.internal'),
    connector('b', 'x.corp.internal'),
  )
  const [a, b] = [wire('a'), wire('b')]
  registry.attach('a', 'i', a)
  registry.attach('b', 'i', b)
  registry.announce(a, [app('x.corp.internal', 80)])
  registry.announce(b, [app('x.corp.internal', 80), app('x.corp.internal', 443)])
  registry.announce(b, [app('x.corp.internal', 443)])
  const [only, ...others] = registry.publications()
  assert.equal(others.length, 0)
  assert.deepEqual(only?.ports.map(({ from }) => from).sort(), [443, 80])
})

test('a tunnel in doubt gets no flow while there is another, and one when there is not', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'))
  const [sure, doubtful] = [wire('sure', 9), wire('doubtful')]
  doubtful.isInDoubt = true
  for (const tunnel of [sure, doubtful]) {
    registry.attach('hq', 'hq.1', tunnel)
    registry.announce(tunnel, [app('wiki.corp.internal')])
  }
  const wiki = [name('wiki.corp.internal'), 80, 'tcp'] as const
  for (let at = 0; at < 20; at++) assert.equal(labelOf(registry.pick(...wiki)), 'sure')
  registry.detach(sure)
  assert.equal(labelOf(registry.pick(...wiki)), 'doubtful')
})

test('a process is found by its name, while its connector is enrolled and publishes that', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'), connector('lab', 'a.b'))
  const [one, other] = [wire('one'), wire('other')]
  registry.attach('hq', 'hq.1', one)
  const wiki = [name('wiki.corp.internal'), 80, 'tcp'] as const
  const found = (instance = 'hq.1') => labelOf(registry.pickInstance(instance, ...wiki))
  assert.equal(found(), 'not-here', 'it has announced nothing yet')
  registry.announce(one, [app('db.corp.internal')])
  assert.equal(found(), 'not-published')
  registry.announce(one, [app('wiki.corp.internal')])
  assert.equal(found(), 'one')
  assert.equal(found('hq.2'), 'not-here')
  registry.attach('lab', 'hq.1', other)
  registry.announce(other, [app('a.b')])
  assert.equal(found(), 'one', "another connector's process cannot go by its name")
  registry.detach(one)
  assert.equal(found(), 'not-here')
  registry.attach('hq', 'hq.1', one)
  assert.equal(found(), 'one', 'it is known what it publishes')
  registry.enrol([connector('lab', 'a.b')])
  assert.equal(found(), 'not-here')
})

test('a change of names is told, the coming and going of tunnels is not', () => {
  const registry = registryOf(connector('hq', 'domain:corp.internal'))
  const told = (act: () => void) => {
    const before = registry.changes
    act()
    return registry.changes > before
  }
  const [one, two] = [wire('one'), wire('two')]
  const wiki = [app('wiki.corp.internal')]
  assert.ok(!told(() => registry.attach('hq', 'i', one)))
  assert.ok(told(() => registry.announce(one, wiki)))
  assert.ok(!told(() => registry.announce(one, [app('wiki.corp.internal', 80, 'failing')])))
  assert.ok(!told(() => registry.attach('hq', 'i', two)))
  assert.ok(!told(() => registry.announce(two, wiki)))
  assert.ok(!told(() => registry.detach(one)))
  assert.ok(!told(() => registry.detach(two)), 'its names stay')
  assert.ok(told(() => registry.enrol([])))
})

function labelOf(picked: Picked<Wire> | PickedInstance<Wire>): string {
  return picked.kind === 'picked' ? picked.tunnel.label : picked.kind
}
