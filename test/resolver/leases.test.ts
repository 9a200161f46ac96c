import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Hostname, parseHostname } from '../../names/hostname.ts'
import type { RangePair } from '../../resolver/choice.ts'
import { LEASE_RULES, type LeaseBook } from '../../resolver/lease-book.ts'
import { openLeaseMemory } from '../../resolver/lease-file.ts'
import { LEASE_SCHEMA, LeaseTable } from '../../resolver/leases/lease-table.ts'
import { Leases } from '../../resolver/leases.ts'
import { SyntheticRange } from '../../resolver/range.ts'
import { firstRange, NOON } from './setup.ts'

const HOUR_MS = 3_600_000
/** Thirteen addresses. */
const SMALL: RangePair = { class: 'public', v4: new SyntheticRange('198.19.0.0/28') }
const CAPACITY = 13

const name = (i: number): Hostname => parseHostname(`n${i}.corp.internal`)

function address(leases: Leases, i: number, now: number, app = ''): string {
  const answer = leases.addressFor(name(i), 4, now, app)
  return answer.kind === 'leased' ? answer.address : answer.kind
}

describe('a lease', () => {
  it('is one address for each name and family', () => {
    const leases = new Leases(openLeaseMemory(), firstRange())
    const both = [4, 6].map((family) => leases.addressFor(name(1), family as 4 | 6, NOON))
    assert.partialDeepStrictEqual(both, [
      { address: '198.19.0.2' },
      { address: '2001:2:0:abcd::2' },
    ])
    assert.equal(address(leases, 2, NOON), '198.19.0.3')
    assert.equal(address(leases, 1, NOON + 100 * HOUR_MS), '198.19.0.2')
    assert.equal(leases.nameOf('198.19.0.3', NOON), name(2))
    assert.equal(leases.nameOf('::ffff:198.19.0.3', NOON), name(2))
    assert.equal(leases.nameOf('2001:2:0:abcd::2', NOON), name(1))
    assert.equal(leases.nameOf('2001:2:0:abcd::3', NOON), undefined)
    assert.equal(leases.nameOf('198.19.0.4', NOON), undefined)
    assert.equal(leases.nameOf('not an address', NOON), undefined)
  })

  it('has no IPv6 address where the range has none', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    assert.deepEqual(leases.addressFor(name(1), 6, NOON), { kind: 'no-family' })
  })

  it('is kept for years while the range has room', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < 11; i++) address(leases, i, NOON)
    const years = NOON + 3 * 365 * 24 * HOUR_MS
    assert.equal(leases.nameOf('198.19.0.2', years), name(0))
    assert.equal(leases.gauges()[0]?.resting, 0)
  })

  it('is never another’s while everything was used lately: then there is none', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < CAPACITY; i++) assert.match(address(leases, i, NOON), /^198/)
    const later = NOON + 23 * HOUR_MS
    assert.deepEqual(leases.addressFor(name(99), 4, later), {
      kind: 'exhausted',
      what: 'range',
      capacity: CAPACITY,
    })
    assert.partialDeepStrictEqual(leases.gauges(), [{ inUse: CAPACITY, resting: 0, refused: 1 }])
  })

  it('is freed when long unused, then rests a day before it means another name', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < CAPACITY; i++) address(leases, i, NOON + i)
    const freed = NOON + 25 * HOUR_MS
    assert.equal(address(leases, 99, freed), 'exhausted')
    assert.equal(leases.gauges()[0]?.resting, 3)
    assert.equal(address(leases, 99, freed + 23 * HOUR_MS), 'exhausted')
    const given = address(leases, 99, freed + 25 * HOUR_MS)
    assert.equal(given, '198.19.0.2')
    assert.equal(leases.nameOf(given, freed + 25 * HOUR_MS), name(99))
  })

  it('that rests is its name’s again as soon as anybody uses it', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < CAPACITY; i++) address(leases, i, NOON + i)
    const freed = NOON + 25 * HOUR_MS
    assert.equal(address(leases, 99, freed), 'exhausted')
    assert.equal(leases.nameOf('198.19.0.2', freed + 20 * HOUR_MS), name(0))
    // The next longest rested goes instead.
    assert.equal(address(leases, 99, freed + 25 * HOUR_MS), '198.19.0.3')
    assert.equal(leases.nameOf('198.19.0.2', freed + 26 * HOUR_MS), name(0))
  })

  it('counts as used by a connection, not only by a question', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < CAPACITY; i++) address(leases, i, NOON)
    const later = NOON + 24 * HOUR_MS
    assert.equal(leases.nameOf('198.19.0.2', later), name(0))
    assert.equal(address(leases, 99, later + HOUR_MS), 'exhausted')
    assert.equal(address(leases, 99, later + 26 * HOUR_MS), '198.19.0.3')
  })

  it('of a wildcard app counts against the app’s cap, others are not hurt', () => {
    const rules = { ...LEASE_RULES, perApp: 4 }
    const leases = new Leases(openLeaseMemory(), SMALL, rules)
    const app = '*.corp.internal'
    for (let i = 0; i < 4; i++) assert.match(address(leases, i, NOON, app), /^198/)
    assert.deepEqual(leases.addressFor(name(4), 4, NOON, app), {
      kind: 'exhausted',
      what: 'app',
      capacity: 4,
    })
    assert.match(address(leases, 5, NOON), /^198/)
    assert.match(address(leases, 6, NOON, '*.other.internal'), /^198/)
    assert.match(address(leases, 0, NOON, app), /^198/)
    // A day later the app's own longest unused name makes room.
    assert.match(address(leases, 4, NOON + 25 * HOUR_MS, app), /^198/)
  })
})

describe('a lease that cannot be written down', () => {
  it('is not given out, not even at the second question', () => {
    let isFull = true
    const book = openLeaseMemory()
    const failing: LeaseBook = new Proxy(book, {
      get: (target, key) => {
        if (key === 'exclusively') {
          return (work: () => unknown) =>
            target.exclusively(() => {
              const result = work()
              if (isFull) throw new Error('disk is full')
              return result
            })
        }
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const leases = new Leases(failing, SMALL)
    const refused = { kind: 'failed', reason: 'disk is full' }
    assert.deepEqual(leases.addressFor(name(1), 4, NOON), refused)
    assert.deepEqual(leases.addressFor(name(1), 4, NOON), refused)
    isFull = false
    assert.match(address(leases, 1, NOON), /^198/)
    isFull = true
    // What an address means is still known when its use cannot be marked.
    assert.equal(leases.nameOf('198.19.0.2', NOON + HOUR_MS), name(1))
  })

  it('is refused by the real book when the disk has no page left', () => {
    const db = new DatabaseSync(':memory:')
    db.exec(LEASE_SCHEMA)
    const book = new LeaseTable(db, () => 0)
    const pages = Number(db.prepare('pragma page_count').get()?.page_count)
    db.exec(`pragma max_page_count = ${pages + 4}`)
    const leases = new Leases(book, firstRange())
    const kinds = Array.from({ length: 2000 }, (_, i) => leases.addressFor(name(i), 4, NOON).kind)
    assert.equal(kinds[0], 'leased')
    assert.equal(kinds.at(-1), 'failed')
    assert.equal(leases.gauges()[0]?.inUse, kinds.filter((kind) => kind === 'leased').length)
  })
})

type Step =
  | { readonly kind: 'ask'; readonly process: number; readonly name: number; readonly app: boolean }
  | { readonly kind: 'connect'; readonly process: number; readonly slot: number }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'restart'; readonly process: number }

const process = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask'),
      process,
      name: fc.nat(25),
      app: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('connect'), process, slot: fc.nat(CAPACITY - 1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait'), hours: fc.integer({ min: 0, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart'), process }) },
) as fc.Arbitrary<Step>

/** What was last known of an address, and when it was last given or used. */
type Model = Map<string, { readonly name: Hostname; readonly usedAt: number }>

describe('leases of several processes on one book', () => {
  it('never mean two names within 48 hours of the last use, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 150, size: 'max' }), (steps) => {
        const book = openLeaseMemory()
        const rules = { ...LEASE_RULES, perApp: 6 }
        const processes = [0, 1, 2].map(() => new Leases(book, SMALL, rules))
        const model: Model = new Map()
        let now = NOON
        const meets = (addressText: string, means: Hostname) => {
          const before = model.get(addressText)
          if (before && before.name !== means) {
            const idleMs = now - before.usedAt
            assert.ok(idleMs >= 48 * HOUR_MS, `${addressText} changed after ${idleMs} ms`)
          }
          model.set(addressText, { name: means, usedAt: now })
        }
        for (const one of steps) {
          if (one.kind === 'wait') {
            now += one.hours * HOUR_MS
            continue
          }
          const leases = processes[one.process]
          assert.ok(leases)
          if (one.kind === 'restart') {
            processes[one.process] = new Leases(book, SMALL, rules)
          } else if (one.kind === 'ask') {
            const app = one.app ? '*.corp.internal' : ''
            const answer = leases.addressFor(name(one.name), 4, now, app)
            if (answer.kind === 'leased') meets(answer.address, name(one.name))
          } else {
            const at = SMALL.v4.addressAt(one.slot)
            const means = leases.nameOf(at, now)
            if (means !== undefined) meets(at, means)
          }
        }
        const gauges = processes[0]?.gauges()[0]
        const rows = Array.from({ length: CAPACITY }, (_, slot) => book.rowAt(SMALL.v4.cidr, slot))
        const given = rows.filter((row) => row !== undefined).length
        assert.equal(gauges && gauges.inUse + gauges.resting, given)
      }),
      { numRuns: 150 },
    )
  })

  it('keeps a lease whose use was marked with a clock that was set back', () => {
    const leases = new Leases(openLeaseMemory(), SMALL)
    for (let i = 0; i < CAPACITY; i++) address(leases, i, NOON)
    leases.nameOf('198.19.0.2', NOON - 72 * HOUR_MS)
    assert.equal(address(leases, 99, NOON + HOUR_MS), 'exhausted')
    assert.equal(leases.nameOf('198.19.0.2', NOON + HOUR_MS), name(0))
    assert.equal(leases.gauges()[0]?.resting, 0)
  })
})
