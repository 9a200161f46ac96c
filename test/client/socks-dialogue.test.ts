import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SocksDialogue, type SocksEvent } from '../../client/proxy/socks-dialogue.ts'

const check = (user: string, password: string) => user === 'me' && password === 'secret'

const five = (name: string, port: number, command = 1) =>
  Buffer.concat([
    Buffer.from([5, command, 0, 3, Buffer.byteLength(name)]),
    Buffer.from(name),
    Buffer.from([port >> 8, port & 255]),
  ])
const four = (name: string, port: number) =>
  Buffer.concat([
    Buffer.from([4, 1, port >> 8, port & 255, 0, 0, 0, 1]),
    Buffer.from(`user\0${name}\0`),
  ])

const CASES: Record<string, { bytes: Buffer; check?: typeof check; answers: string; end: string }> =
  {
    'SOCKS5 with a name': {
      bytes: Buffer.concat([Buffer.from([5, 2, 0, 2]), five('wiki.corp.internal', 80)]),
      answers: '0500',
      end: 'name wiki.corp.internal 80',
    },
    'SOCKS5 with bytes of the program behind it': {
      bytes: Buffer.concat([Buffer.from([5, 1, 0]), five('a.b', 1), Buffer.from('GET /')]),
      answers: '0500',
      end: 'name a.b 1 +GET /',
    },
    'SOCKS5 with an IPv4 address': {
      bytes: Buffer.from([5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 1, 1, 0]),
      answers: '0500',
      end: 'address 10.0.0.1 256',
    },
    'SOCKS5 with an IPv6 address': {
      bytes: Buffer.from([5, 1, 0, 5, 1, 0, 4, ...Array(15).fill(0), 1, 0, 22]),
      answers: '0500',
      end: 'address ::1 22',
    },
    'SOCKS5 with an IPv4-mapped IPv6 address': {
      bytes: Buffer.from([
        5,
        1,
        0,
        5,
        1,
        0,
        4,
        ...Array(10).fill(0),
        255,
        255,
        127,
        80,
        0,
        5,
        0,
        22,
      ]),
      answers: '0500',
      end: 'address 127.80.0.5 22',
    },
    'SOCKS5 with a credential': {
      bytes: Buffer.concat([
        Buffer.from([5, 1, 2, 1, 2]),
        Buffer.from('me'),
        Buffer.from([6]),
        Buffer.from('secret'),
        five('a.b', 80),
      ]),
      check,
      answers: '0502 0100',
      end: 'name a.b 80',
    },
    'SOCKS5 with a wrong credential': {
      bytes: Buffer.from([5, 1, 2, 1, 1, 0x6d, 1, 0x78]),
      check,
      answers: '0502 0101',
      end: 'close wrong credential',
    },
    'SOCKS5 without the method that is needed': {
      bytes: Buffer.from([5, 1, 0]),
      check,
      answers: '05ff',
      end: 'close no password offered',
    },
    'SOCKS5 BIND': {
      bytes: Buffer.concat([Buffer.from([5, 1, 0]), five('a.b', 80, 2)]),
      answers: '0500 05070001000000000000',
      end: 'close command bind is not supported',
    },
    'SOCKS5 UDP ASSOCIATE': {
      bytes: Buffer.concat([Buffer.from([5, 1, 0]), five('a.b', 80, 3)]),
      answers: '0500 05070001000000000000',
      end: 'close command udp-associate is not supported',
    },
    'SOCKS5 with port 0': {
      bytes: Buffer.concat([Buffer.from([5, 1, 0]), five('a.b', 0)]),
      answers: '0500 05040001000000000000',
      end: 'close a port is 1 to 65535',
    },
    'SOCKS4a with a name': {
      bytes: four('wiki.corp.internal', 80),
      answers: '',
      end: 'name wiki.corp.internal 80',
    },
    'SOCKS4 with an address': {
      bytes: Buffer.from([4, 1, 0, 80, 10, 0, 0, 1, 0]),
      answers: '',
      end: 'address 10.0.0.1 80',
    },
    'SOCKS4 where a credential is needed': {
      bytes: four('a.b', 80),
      check,
      answers: '005b000000000000',
      end: 'close SOCKS4 has no password',
    },
    'another version': {
      bytes: Buffer.from([6, 1, 0]),
      answers: '',
      end: 'close neither SOCKS5 nor SOCKS4',
    },
  }

function run(
  chunks: readonly Uint8Array[],
  checkIt?: typeof check,
): { answers: string; end: string } {
  const dialogue = new SocksDialogue(checkIt)
  const answers: string[] = []
  let end = 'more'
  let tail = ''
  for (const chunk of chunks) {
    if (end !== 'more') {
      // The shell hands nothing more over: what comes later is the program's.
      tail += Buffer.from(chunk).toString()
      continue
    }
    for (const event of dialogue.handle(chunk)) {
      if (event.kind === 'answer') answers.push(Buffer.from(event.bytes).toString('hex'))
      else end = describe(event)
    }
  }
  if (end.startsWith('close') || tail === '') return { answers: answers.join(' '), end }
  return { answers: answers.join(' '), end: end.includes('+') ? end + tail : `${end} +${tail}` }
}

function describe(event: Exclude<SocksEvent, { kind: 'answer' }>): string {
  if (event.kind === 'close') return `close ${event.why}`
  const { to } = event.wanted
  const host = to.kind === 'name' ? to.name : to.address
  const rest = event.rest.length > 0 ? ` +${Buffer.from(event.rest)}` : ''
  return `${to.kind} ${host} ${to.port}${rest}`
}

for (const [name, { bytes, check: checkIt, answers, end }] of Object.entries(CASES)) {
  test(`${name}, on every split of its bytes`, () => {
    const expected = { answers, end }
    assert.deepEqual(run([bytes], checkIt), expected)
    for (let at = 1; at < bytes.length; at++) {
      assert.deepEqual(run([bytes.subarray(0, at), bytes.subarray(at)], checkIt), expected, `${at}`)
    }
    assert.deepEqual(
      run(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        checkIt,
      ),
      expected,
    )
  })
}

test('whatever the bytes, the dialogue ends, waits or wants a valid destination', () => {
  const starts = fc.constantFrom(
    '',
    '0501000501000',
    '050100',
    '0502000205010003',
    '0401005000000001',
  )
  fc.assert(
    fc.property(
      starts,
      fc.uint8Array({ maxLength: 600 }),
      fc.boolean(),
      (hex, bytes, withCheck) => {
        const whole = Buffer.concat([Buffer.from(hex, 'hex'), bytes])
        const dialogue = new SocksDialogue(withCheck ? check : undefined)
        const events = dialogue.handle(whole)
        assert.ok(events.filter((event) => event.kind !== 'answer').length <= 1)
        for (const event of events) {
          if (event.kind !== 'wanted') continue
          const { to } = event.wanted
          assert.ok(to.port >= 1 && to.port <= 65_535)
          if (to.kind === 'name') assert.match(to.name, /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('bytes that never become a message are not collected without end', () => {
  const dialogue = new SocksDialogue()
  dialogue.handle(Uint8Array.of(5, 1, 0))
  const events = dialogue.handle(
    Buffer.concat([Buffer.from([5, 1, 0, 3, 255]), Buffer.alloc(2000, 1)]),
  )
  assert.equal(events.at(-1)?.kind, 'close')
  assert.deepEqual(dialogue.handle(Buffer.alloc(10)), [])
})
