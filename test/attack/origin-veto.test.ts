/**
 * Every spelling and embedding of an address that must not be dialled: back into the connector's own
 * machine, its link, or what hands out its cloud credentials. Defended by connector/check.ts.
 */
import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { canonicalAddress, judgeAddress, type VetoReason } from '../../connector/check.ts'
import { readTarget } from '../../connector/settings/target.ts'

const FORBIDDEN: Record<VetoReason, readonly string[]> = {
  'not-an-address': [
    '127.1',
    '127.0.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.01',
    '0',
    '',
    ' 127.0.0.1',
    '127.0.0.1 ',
    '127.0.0.1\n',
    '127.0.0.1.',
    '[::1]',
    '1:2:3',
    'localhost',
    '::ffff:127.1',
    '::ffff:0x7f.0.0.1',
    '１２７.0.0.1',
    '127。0。0。1',
    '::1/128',
    '%',
    '%lo',
    '1.2.3.4.5',
  ],
  unspecified: [
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '0:0:0:0:0:0:0:0',
    '::ffff:0.0.0.0',
    '64:ff9b::',
    '2002::',
    '::%lo',
  ],
  loopback: [
    '127.0.0.1',
    '127.0.0.53',
    '127.255.255.255',
    '::1',
    '0:0:0:0:0:0:0:1',
    '0000::0001',
    '::1%lo',
    '::ffff:127.0.0.1',
    '::FFFF:7f00:1',
    '0:0:0:0:0:ffff:7f00:0001',
    '::127.0.0.1',
    '::7f00:1',
    '::ffff:0:127.0.0.1',
    '::ffff:0:7f00:1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::127.0.0.1',
    '64:ff9b:1:7f00:0:100::',
    '64:ff9b:1:7f:0:1::',
    '64:ff9b:1:0:7f:0:100:0',
    '2002:7f00:1::',
    '2002:7f00:0001:dead::beef',
    '2001:0:7f00:1::',
    '2001:0:4136:e378::80ff:fffe',
    '2001:db8::5efe:127.0.0.1',
    '2001:db8::200:5efe:7f00:1',
  ],
  'link-local': [
    '169.254.0.1',
    '169.254.255.255',
    'fe80::1',
    'fe80::1%eth0',
    'febf:ffff::',
    'FE80::A',
    'fec0::1',
    '::ffff:169.254.1.1',
    '64:ff9b::a9fe:101',
    '2002:a9fe:101::1',
    '::ffff:0:169.254.1.1',
    'fe80::a9fe:a9fe',
    'fe80::5efe:10.0.0.1',
  ],
  multicast: [
    '224.0.0.1',
    '239.255.255.250',
    'ff02::1',
    'ff00::',
    '::ffff:224.0.0.1',
    '64:ff9b::e000:1',
    '2002:e000:1::',
  ],
  broadcast: [
    '255.255.255.255',
    '::ffff:255.255.255.255',
    '64:ff9b::ffff:ffff',
    '2002:ffff:ffff::',
  ],
  'cloud-metadata': [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd00:0ec2:0:0:0:0:0:0254',
    'FD00:EC2::254',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b::6464:64c8',
    '64:ff9b::a83f:8110',
    '2002:a9fe:a9fe::',
    '2002:6464:64c8::1',
    '::ffff:0:100.100.100.200',
    '::ffff:100.100.100.200',
    '::ffff:168.63.129.16',
    '2001:0:a9fe:a9fe::',
    '2001:0:4136:e378::5601:5601',
    '64:ff9b:1:a9fe:a9:fe00::',
  ],
}

for (const [reason, spellings] of Object.entries(FORBIDDEN)) {
  test(`an address that is ${reason} is not dialled in any of ${spellings.length} spellings`, () => {
    for (const address of spellings) {
      const verdict = judgeAddress(address)
      assert.equal(verdict.kind, 'forbidden', address)
      assert.equal(verdict.kind === 'forbidden' && verdict.reason, reason, address)
    }
  })
}

test('private and public addresses are what a connector is for', () => {
  const fine = [
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '100.100.100.100',
    '8.8.8.8',
    '169.253.1.1',
    '168.63.129.17',
    '223.255.255.255',
    '240.0.0.1',
    '255.255.255.254',
    '192.0.0.1',
    '128.0.0.1',
    'fd00::1',
    'fc00::1',
    'fd00:ec3::254',
    '2001:db8::1',
    '2606:4700::1',
    'fe00::1',
    '::2:0:0:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::10.0.0.1',
    '2002:a00:1::',
    '::ffff:10.0.0.1',
    '2001:db8::5efe:10.0.0.1',
  ]
  for (const address of fine) assert.equal(judgeAddress(address).kind, 'dial', address)
})

test('what is dialled is the canonical spelling, a mapped address as IPv4', () => {
  const dialled = (address: string) => {
    const verdict = judgeAddress(address)
    return verdict.kind === 'dial' && [verdict.address, verdict.family]
  }
  assert.deepEqual(dialled('::ffff:10.0.0.1'), ['10.0.0.1', 4])
  assert.deepEqual(dialled('2001:DB8:0::1'), ['2001:db8::1', 6])
})

test('only the address that `to` names is let through, and no neighbour or embedding of it', () => {
  const named = ['127.0.0.1']
  assert.equal(judgeAddress('127.0.0.1', named).kind, 'dial')
  assert.equal(judgeAddress('::ffff:127.0.0.1', named).kind, 'dial', 'the same for the kernel')
  for (const other of [
    '127.0.0.2',
    '::1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::',
    '169.254.169.254',
  ]) {
    assert.equal(judgeAddress(other, named).kind, 'forbidden', other)
  }
  assert.equal(judgeAddress('169.254.169.254', ['169.254.169.254']).kind, 'dial')
  assert.equal(judgeAddress('127.0.0.1', ['nonsense', '127.1']).kind, 'forbidden')
})

test('a `to` names addresses literally or not at all', () => {
  for (const text of [
    '127.1:80',
    '0x7f.1:80',
    '2130706433:80',
    'http://0177.0.0.1/',
    'tcp://[::ffff:127.1]:80',
  ]) {
    assert.equal(readTarget(text, '/').kind, 'wrong', text)
  }
})

/** Every IPv4 address embeds into IPv6 in these ways; the veto on it must hold in each. */
const EMBED: Record<string, (hex: string) => string> = {
  mapped: (hex) => `::ffff:${hex}`,
  compatible: (hex) => `::${hex}`,
  siit: (hex) => `::ffff:0:${hex}`,
  nat64: (hex) => `64:ff9b::${hex}`,
  '6to4': (hex) => `2002:${hex}::1`,
  isatap: (hex) => `2001:db8::5efe:${hex}`,
  'teredo server': (hex) => `2001:0:${hex}::ffff:ffff`,
}

test('no embedding of any forbidden IPv4 address passes', () => {
  const octet = fc.integer({ min: 0, max: 255 })
  const ranges = fc.constantFrom(
    [127],
    [169, 254],
    [224],
    [239],
    [0],
    [169, 254, 169, 254],
    [100, 100, 100, 200],
  )
  fc.assert(
    fc.property(ranges, fc.tuple(octet, octet, octet, octet), (prefix, rest) => {
      const octets = [...prefix, ...rest].slice(0, 4)
      const hex = [0, 2]
        .map((at) => (((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)).toString(16))
        .join(':')
      for (const [how, embed] of Object.entries(EMBED)) {
        const address = embed(hex)
        assert.equal(
          judgeAddress(address).kind,
          'forbidden',
          `${octets.join('.')} ${how} ${address}`,
        )
      }
    }),
    { numRuns: 500 },
  )
})

test('whatever the text, a verdict of "dial" is for an address that isIP takes and that stays itself', () => {
  const text = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended())
  fc.assert(
    fc.property(text, (address) => {
      const verdict = judgeAddress(address)
      if (verdict.kind !== 'dial') return
      assert.equal(isIP(verdict.address), verdict.family)
      assert.equal(canonicalAddress(verdict.address), verdict.address)
      assert.equal(ipaddr.process(verdict.address).range() === 'loopback', false)
    }),
    { numRuns: 2000 },
  )
})
