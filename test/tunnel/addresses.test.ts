import assert from 'node:assert/strict'
import type { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { Addresses } from '../../tunnel/link.ts'

function machine(...addresses: string[]) {
  const now = [...addresses]
  const row = (address: string) => ({
    ...{ address, netmask: '', family: 'IPv4' as const, mac: '', cidr: null },
    internal: address.startsWith('127.'),
  })
  const interfaces = (() => ({ eth0: now.map(row), down: undefined })) as typeof networkInterfaces
  return { now, addresses: new Addresses(interfaces) }
}

test('an address that went away is told, also where a socket writes it as IPv6', () => {
  const { now, addresses } = machine('127.0.0.1', '192.0.2.1')
  assert.equal(addresses.look(), false)
  now.splice(1, 1, '198.51.100.7')
  assert.equal(addresses.look(), true)
  assert.equal(addresses.hasGone('192.0.2.1'), true)
  assert.equal(addresses.hasGone('::ffff:192.0.2.1'), true)
  assert.equal(addresses.hasGone('198.51.100.7'), false)
  now.push('192.0.2.1')
  assert.equal(addresses.look(), true)
  assert.equal(addresses.hasGone('192.0.2.1'), false, 'it has come back')
})

test('loopback, link-local and what never was an address of this machine do not count', () => {
  const { now, addresses } = machine('127.0.0.1')
  now.push('fe80::1', '127.80.0.1')
  assert.equal(addresses.look(), false, 'a container came')
  now.length = 0
  assert.equal(addresses.look(), false)
  for (const other of ['127.0.0.1', '::1', 'fe80::1', '203.0.113.9', '']) {
    assert.equal(addresses.hasGone(other), false, other)
  }
})
