import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { findHostname } from '../../names/hostname.ts'
import { readMessage } from '../../resolver/dns/message.ts'
import { typeNumber } from '../../resolver/dns/type.ts'
import { CATALOG, read, replyTo, serve, setUp } from '../resolver/setup.ts'

/**
 * Attacker: a program, or a page in a browser, that makes up names. Wanted: a name that is checked as
 * one thing and means another, that reaches the connector or the edge unchecked, or that takes a
 * private name to a public resolver. On the wire a label may hold any octet.
 */
const PUBLIC = [{ type: 'A', name: 'public.example', ttl: 60, data: '192.0.2.1' }]

/** Id 1, RD, one question. */
const HEADER = Buffer.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)

/** A question whose labels are these octets, whatever they are. */
function wire(labels: readonly (string | Uint8Array)[], type = 'A'): Buffer {
  const name = labels.flatMap((label) => {
    const octets = typeof label === 'string' ? Buffer.from(label, 'latin1') : Buffer.from(label)
    return [Buffer.of(octets.length), octets]
  })
  const tail = Buffer.of(0, 0, typeNumber(type) ?? 1, 0, 1)
  return Buffer.concat([HEADER, ...name, tail])
}

/** A live listener; what it was made to ask of others. */
async function listening(t: TestContext) {
  const forwarded: string[] = []
  const { resolver, asked, leases } = setUp({
    upstream: {
      ask: async ({ message, end }) => {
        forwarded.push(Buffer.from(message.subarray(12, end - 4)).toString('latin1'))
        const reply = readMessage(replyTo(Buffer.from(message), PUBLIC))
        return reply ? { kind: 'answered', message: reply, ageSeconds: 0 } : { kind: 'silent' }
      },
    },
  })
  const { port } = await serve(t, resolver)
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const ask = async (query: Buffer) => {
    socket.send(query, port, '127.0.0.1')
    const [answer] = (await once(socket, 'message')) as [Buffer]
    return { rcode: (answer[3] ?? 0) & 0xf, answers: answer.readUInt16BE(6), answer }
  }
  return { ask, asked, forwarded, leases }
}

const inZone = ['corp', 'internal']

describe('a name below a private zone that is no hostname', () => {
  const table: readonly [what: string, labels: readonly (string | Uint8Array)[]][] = [
    ['a dot within a label', ['wiki.corp', 'internal', ...inZone]],
    ['the whole name as one label', ['wiki.corp.internal', ...inZone]],
    ['a percent', ['wi%6bi', ...inZone]],
    ['a NUL at its end', ['wiki\0', ...inZone]],
    ['a NUL, then another name', ['wiki\0evil', ...inZone]],
    ['a space', ['wi ki', ...inZone]],
    ['a slash', ['wiki/', ...inZone]],
    ['a quote and a newline', ['wiki"\n', ...inZone]],
    ['an escape sequence', ['\x1b[2J', ...inZone]],
    ['a backslash', ['wiki\\046corp', ...inZone]],
    ['octets over 127', [Buffer.from('wikí'), ...inZone]],
    ['invalid UTF-8', [Buffer.of(0xff, 0xfe), ...inZone]],
    ['full-width letters', [Buffer.from('ｗｉｋｉ'), ...inZone]],
    ['a hyphen at its head', ['-wiki', ...inZone]],
    ['a hyphen at its end', ['wiki-', ...inZone]],
    ['an A-label that is no Punycode', ['xn--wiki-', ...inZone]],
    ['an A-label of plain ASCII', ['xn--wiki', ...inZone]],
    ['an A-label that UTS-46 maps to another', ['xn--WIKI-5va', ...inZone]],
    ['a star', ['*', 'ci', ...inZone]],
    ['a colon and a port', ['wiki:80', ...inZone]],
    ['brackets', ['[::1]', ...inZone]],
  ]
  for (const [what, labels] of table) {
    it(`with ${what} has no address, and nobody is asked about it`, async (t) => {
      const { ask, asked, forwarded, leases } = await listening(t)
      for (const type of ['A', 'AAAA', 'TXT']) {
        assert.partialDeepStrictEqual(await ask(wire(labels, type)), { rcode: 3, answers: 0 })
      }
      assert.deepEqual([asked, forwarded], [[], []])
      assert.equal(leases.gauges()[0]?.inUse, 0)
    })
  }

  it('of the greatest length is absent like any other', async (t) => {
    const { ask, forwarded } = await listening(t)
    const long = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(47), ...inZone]
    assert.equal((await ask(wire(long))).rcode, 3)
    assert.deepEqual(forwarded, [])
    // One octet more is no name at all.
    const longer = [...long.slice(0, 3), 'b'.repeat(48), ...inZone]
    assert.equal((await ask(wire(longer))).rcode, 1)
  })
})

describe('a lookalike of a private name', () => {
  it('in Punycode is another name, below the zone absent', async (t) => {
    const { ask, forwarded } = await listening(t)
    // "wіkі" with Cyrillic letters is a valid name, but not the wiki's.
    const lookalike = findHostname('wіkі.corp.internal')
    assert.ok(lookalike)
    assert.match(lookalike, /^xn--/)
    assert.equal((await ask(wire(lookalike.split('.')))).rcode, 3)
    assert.deepEqual(forwarded, [])
  })

  it('in other letters’ case is the same name and has the same address', async (t) => {
    const { ask, leases } = await listening(t)
    const first = read((await ask(wire(['wiki', ...inZone]))).answer).answers
    const second = read((await ask(wire(['WiKi', 'CORP', 'Internal']))).answer).answers
    assert.deepEqual(first, second)
    assert.equal(leases.gauges()[0]?.inUse, 1)
  })

  it('as one dotted label is not asked of a public resolver either', async (t) => {
    const { ask, forwarded } = await listening(t)
    assert.equal((await ask(wire(['wiki.corp.internal']))).rcode, 3)
    assert.equal((await ask(wire(['wiki', 'corp.internal']))).rcode, 3)
    assert.deepEqual(forwarded, [])
  })
})

describe('an address in some spelling, asked as a name', () => {
  for (const text of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '198.19.0.2',
    '1.2.3.4.5',
    'x.0x7F',
  ]) {
    it(`${text} does not exist, and nobody is asked`, async (t) => {
      const { ask, asked, forwarded } = await listening(t)
      assert.partialDeepStrictEqual(await ask(wire(text.split('.'))), { rcode: 3, answers: 0 })
      assert.deepEqual([asked, forwarded], [[], []])
    })
  }
})

describe('a public name that is no hostname', () => {
  it('goes to the other resolvers as its octets came, below owned domains it does not', async (t) => {
    const { ask, forwarded } = await listening(t)
    assert.equal((await ask(wire(['r4---sn-', 'video', 'example']))).rcode, 0)
    assert.deepEqual(forwarded, ['\x08r4---sn-\x05video\x07example\x00'])
    assert.equal((await ask(wire(['odd name', 'bank', 'example']))).rcode, 3)
    assert.equal(forwarded.length, 1)
  })
})

describe('names of any octets', () => {
  it('are answered, never leave the zone, and what reaches the connector is a hostname', async (t) => {
    const { ask, asked, forwarded } = await listening(t)
    const zones = CATALOG.zones.map((zone) => zone.split('.'))
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(label, { maxLength: 4 }),
        fc.boolean(),
        async (labels, underWildcard) => {
          const [zone = []] = zones
          const tail = underWildcard ? ['ci', ...zone] : zone
          const { rcode } = await ask(wire([...labels, ...tail]))
          assert.ok(rcode === 0 || rcode === 3, `rcode ${rcode}`)
          assert.deepEqual(forwarded, [])
        },
      ),
      { numRuns: 300 },
    )
    for (const question of asked) {
      const name = question.split(' ')[1] ?? ''
      assert.equal(findHostname(name), name)
    }
  })
})
