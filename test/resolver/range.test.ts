import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { candidateRanges, chooseRange, findOverlap, LOOPBACK_RANGE } from '../../resolver/choice.ts'
import { addressBytes, SyntheticRange } from '../../resolver/range.ts'
import { takenByInterfaces, takenByRoutes4, takenByRoutes6 } from '../../resolver/taken.ts'
import { firstRange } from './setup.ts'

const slotOf = (range: SyntheticRange, address: string) => {
  const bytes = addressBytes(address)
  return bytes && range.slotOf(bytes)
}

describe('a synthetic range', () => {
  it('numbers its addresses, leaving out network, resolver and broadcast', () => {
    const range = new SyntheticRange('198.19.0.0/17')
    assert.equal(range.resolverAddress, '198.19.0.1')
    assert.equal(range.addressAt(0), '198.19.0.2')
    assert.equal(range.addressAt(range.capacity - 1), '198.19.127.254')
    assert.equal(slotOf(range, '198.19.0.1'), undefined)
    assert.equal(slotOf(range, '198.19.127.255'), undefined)
    assert.equal(slotOf(range, '198.19.128.2'), undefined)
  })

  it('gives each slot an address that means that slot again', () => {
    for (const cidr of ['198.19.0.0/17', '127.80.0.0/16', '2001:2:0:abcd::/64', '10.0.0.16/28']) {
      const range = new SyntheticRange(cidr)
      fc.assert(
        fc.property(fc.integer({ min: 0, max: range.capacity - 1 }), (slot) => {
          assert.equal(slotOf(range, range.addressAt(slot)), slot)
        }),
      )
    }
  })

  it('knows an IPv4-mapped spelling and a zone, and no foreign one', () => {
    const { v4, v6 } = firstRange()
    assert.equal(slotOf(v4, '::ffff:198.19.0.2'), 0)
    assert.equal(v6 && slotOf(v6, '2001:2:0:abcd:0:0:0:2'), 0)
    assert.equal(v6 && slotOf(v6, '2001:2:0:abcd:1::2'), undefined)
    assert.equal(addressBytes('198.19.2'), undefined)
    assert.equal(addressBytes('0xc6.19.0.2'), undefined)
    assert.deepEqual(addressBytes('fe80::1%eth0')?.length, 16)
  })

  for (const cidr of ['198.19.0.0', '198.19.0.1/17', '1.2.3.4/33', '1.2.3.0/31', 'x/8', '::/129']) {
    it(`refuses ${cidr}`, () => assert.throws(() => new SyntheticRange(cidr), RangeError))
  }
})

describe('the candidates', () => {
  it('are of one class in both families, the ungated ones first', () => {
    const seen = candidateRanges(Uint8Array.of(1, 2, 3, 4, 5, 6, 7)).map((range) => [
      range.class,
      range.v4.cidr,
      range.v6?.cidr,
    ])
    assert.deepEqual(seen, [
      ['public', '198.19.0.0/17', '2001:2:0:0102::/64'],
      ['public', '198.18.128.0/17', '2001:2:0:0102::/64'],
      ['local', '100.80.0.0/16', 'fd03:0405:0607::/64'],
    ])
  })

  it('are real networks for every choice of random octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 7, maxLength: 7 }), (subnet) => {
        for (const { v6 } of candidateRanges(subnet)) assert.equal(v6?.family, 6)
      }),
    )
  })

  it('are passed over with the reason where something is in the way', () => {
    const taken = takenByInterfaces({ tun0: [{ address: '198.18.0.1', cidr: '198.18.0.1/15' }] })
    const choice = chooseRange(candidateRanges(new Uint8Array(7)), taken)
    assert.ok(choice.kind === 'chosen')
    assert.equal(choice.range.v4.cidr, '100.80.0.0/16')
    assert.deepEqual(
      choice.passed.map((passed) => passed.taken.what),
      ['address of tun0', 'address of tun0'],
    )
  })

  it('may all be in the way', () => {
    const taken = takenByInterfaces({
      a: [{ address: '198.18.0.1', cidr: '198.18.0.1/15' }],
      b: [{ address: '100.64.0.7', cidr: '100.64.0.7/10' }],
    })
    assert.equal(chooseRange(candidateRanges(new Uint8Array(7)), taken).kind, 'none')
  })
})

describe('what the machine uses', () => {
  it('is read from the kernel’s IPv4 routes, without the default', () => {
    const text = [
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'wg0\t000013C6\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
    ].join('\n')
    const taken = takenByRoutes4(text)
    assert.deepEqual(
      taken.map(({ base, prefix, what }) => [base.join('.'), prefix, what]),
      [['198.19.0.0', 16, 'route by wg0']],
    )
    assert.equal(findOverlap(firstRange(), taken)?.what, 'route by wg0')
  })

  it('is read from the kernel’s IPv6 routes', () => {
    const row = '20010002000000000000000000000000 30 0 00 0 0 0 0 0    wg1'
    const loopback = '00000000000000000000000000000001 80 0 00 0 0 0 0 0       lo'
    const taken = takenByRoutes6(`${row}\n${loopback}\n`)
    assert.equal(taken.length, 1)
    assert.equal(findOverlap(firstRange(), taken)?.what, 'route by wg1')
  })

  it('does not hold loopback against the loopback range', () => {
    const taken = takenByInterfaces({ lo: [{ address: '127.0.0.1', cidr: '127.0.0.1/8' }] })
    assert.equal(findOverlap(LOOPBACK_RANGE, taken), undefined)
  })

  it('is nothing where the text is garbage', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.deepEqual(takenByRoutes4(text), [])
        assert.deepEqual(takenByRoutes6(text), [])
      }),
    )
  })
})
