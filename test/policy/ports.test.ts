import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALL_PORTS, formatPorts, includesPort, readPorts } from '../../policy/ports.ts'

describe('ports', () => {
  const READ: [string, string][] = [
    ['443', 'tcp/443-443'],
    ['8000-8999', 'tcp/8000-8999'],
    ['udp/53', 'udp/53-53'],
    ['tcp/22', 'tcp/22-22'],
    ['udp/5000-5001', 'udp/5000-5001'],
    ['1-65535', 'tcp/1-65535'],
    ['all', 'tcp/1-65535 udp/1-65535'],
  ]
  for (const [text, expected] of READ) {
    it(`reads ${text}`, () => {
      const ranges = readPorts(text, ['tcp']) ?? []
      assert.equal(ranges.map((r) => `${r.protocol}/${r.from}-${r.to}`).join(' '), expected)
    })
  }

  for (const text of [
    '',
    '0',
    '65536',
    '01',
    '-1',
    '1-',
    '9-8',
    '1-2-3',
    '0x50',
    'udp',
    'udp/',
    'sctp/1',
    'udp/all',
    ' 1',
    '1 ',
    '443,80',
    '99999',
    '١',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(readPorts(text, ['tcp']), undefined))
  }

  it('without a protocol are of each that the place gives', () => {
    assert.deepEqual(readPorts('53', ['tcp', 'udp']), [
      { protocol: 'tcp', from: 53, to: 53 },
      { protocol: 'udp', from: 53, to: 53 },
    ])
  })

  it('include both ends of a range and nothing beside it', () => {
    const ranges = readPorts('10-20', ['tcp']) ?? []
    const inside = [9, 10, 15, 20, 21].filter((port) => includesPort(ranges, port, 'tcp'))
    assert.deepEqual(inside, [10, 15, 20])
    assert.equal(includesPort(ranges, 15, 'udp'), false)
  })

  it('are written as they are read', () => {
    const ranges = ['443', '8000-8999', 'udp/53'].flatMap((text) => readPorts(text, ['tcp']) ?? [])
    assert.equal(formatPorts(ranges), '443, 8000-8999, udp/53')
    assert.equal(formatPorts(ALL_PORTS), 'all')
  })
})
