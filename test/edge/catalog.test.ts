import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Catalogues } from '../../edge/catalog.ts'
import type { Publication } from '../../edge/registry/directory.ts'
import { parseHostname } from '../../names/hostname.ts'
import { formatPattern, parsePattern } from '../../names/pattern.ts'
import type { Requester } from '../../policy/requester.ts'
import type { Catalog } from '../../tunnel/control.ts'
import { makeClock } from './clock.ts'

const person = (subject: string): Requester => ({
  kind: 'person',
  issuer: 'demo',
  subject,
  claims: new Map(),
})

const app = (pattern: string, ...ports: number[]): Publication => ({
  pattern: parsePattern(pattern),
  ports: ports.map((port) => ({ from: port, to: port, protocol: 'tcp' })),
})

function house() {
  const clock = makeClock(1000)
  const world = {
    zones: ['corp.internal'].map(parseHostname),
    apps: [app('wiki.corp.internal', 80), app('payroll.corp.internal', 443)],
    /** Pattern → subjects from whom it is hidden. */
    hidden: new Map<string, string[]>(),
  }
  const catalogues = new Catalogues({
    clock,
    source: {
      zones: () => world.zones,
      publications: () => world.apps,
      isHiddenFrom: (who, pattern) =>
        who.kind === 'person' &&
        (world.hidden.get(formatPattern(pattern)) ?? []).includes(who.subject),
    },
  })
  const enter = (subject: string) => {
    const told: Catalog[] = []
    const who = person(subject)
    const leave = catalogues.enter({ who: () => who, send: (catalog) => void told.push(catalog) })
    return { told, leave }
  }
  return { clock, world, catalogues, enter }
}

test('a client is told zones and entries with ports as soon as it comes', () => {
  const { told } = house().enter('alice')
  assert.deepEqual(told, [
    {
      kind: 'catalog',
      revision: 1000,
      zones: ['corp.internal'].map(parseHostname),
      entries: [
        {
          pattern: 'wiki.corp.internal',
          owned: true,
          ports: [{ from: 80, to: 80, protocol: 'tcp' }],
        },
        {
          pattern: 'payroll.corp.internal',
          owned: true,
          ports: [{ from: 443, to: 443, protocol: 'tcp' }],
        },
      ],
    },
  ])
})

test('an unlisted app is in the catalogue of those only who may reach it', () => {
  const { world, enter } = house()
  world.hidden.set('payroll.corp.internal', ['bob'])
  const patternsOf = (subject: string) =>
    enter(subject).told.flatMap(({ entries }) => entries.map(({ pattern }) => pattern))
  assert.deepEqual(patternsOf('alice'), ['wiki.corp.internal', 'payroll.corp.internal'])
  assert.deepEqual(patternsOf('bob'), ['wiki.corp.internal'])
})

test('a burst of changes is told once, to those for whom it changes something', () => {
  const { world, catalogues, enter, clock } = house()
  const [alice, bob] = [enter('alice'), enter('bob')]
  world.hidden.set('payroll.corp.internal', ['bob'])
  for (let count = 0; count < 5; count++) catalogues.changed()
  clock.advance(19)
  assert.equal(bob.told.length, 1)
  clock.advance(1)
  assert.equal(bob.told.length, 2)
  assert.equal(alice.told.length, 1)
  const [first, second] = bob.told
  assert.ok((second?.revision ?? 0) > (first?.revision ?? 0))
})

test('a changed port, name or zone is told to all, and nobody who left is told anything', () => {
  const { world, catalogues, enter, clock } = house()
  const [alice, gone] = [enter('alice'), enter('carol')]
  gone.leave()
  world.apps = [app('wiki.corp.internal', 80, 443)]
  catalogues.changed()
  clock.advance(20)
  world.zones = ['corp.internal', 'lab.internal'].map(parseHostname)
  catalogues.changed()
  clock.advance(20)
  assert.equal(alice.told.length, 3)
  assert.deepEqual(alice.told[1]?.entries.length, 1)
  assert.deepEqual(alice.told[2]?.zones, ['corp.internal', 'lab.internal'])
  assert.equal(gone.told.length, 1)
})

test('a revision is newer than that of an edge which ran before', () => {
  const { told } = house().enter('alice')
  const later = house()
  later.clock.advance(5)
  assert.ok((later.enter('alice').told[0]?.revision ?? 0) > (told[0]?.revision ?? 0))
})
