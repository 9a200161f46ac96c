import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FailureLimit } from '../../edge/failure-limit.ts'

const fail = (limit: FailureLimit, address: string, times: number, now = 0) => {
  for (let i = 0; i < times; i++) limit.failed(address, now)
}

describe('an address that fails', () => {
  it('may do so twenty times at once, then has to wait', () => {
    const limit = new FailureLimit()
    fail(limit, '192.0.2.1', 19)
    assert.equal(limit.waitMs('192.0.2.1', 0), 0)
    fail(limit, '192.0.2.1', 1)
    assert.equal(limit.waitMs('192.0.2.1', 0), 3_000)
    assert.ok(limit.waitMs('192.0.2.1', 2_900) > 0)
    assert.equal(limit.waitMs('192.0.2.1', 3_000), 0)
  })

  it('waits no longer for having failed a thousand times', () => {
    const limit = new FailureLimit()
    fail(limit, '192.0.2.1', 1_000)
    assert.ok(limit.waitMs('192.0.2.1', 0) <= 6_000)
  })

  it('is forgiven with time', () => {
    const limit = new FailureLimit()
    fail(limit, '192.0.2.1', 20)
    fail(limit, '192.0.2.1', 19, 60_000)
    assert.equal(limit.waitMs('192.0.2.1', 60_000), 0)
  })

  it('does not make others wait', () => {
    const limit = new FailureLimit()
    fail(limit, '192.0.2.1', 100)
    assert.equal(limit.waitMs('192.0.2.2', 0), 0)
  })

  it('is one with the rest of its IPv6 /64, and with its own spelling in IPv6', () => {
    const limit = new FailureLimit()
    fail(limit, '2001:db8::1', 20)
    fail(limit, '::ffff:192.0.2.1', 20)
    for (const [address, waits] of [
      ['2001:db8::ffff', true],
      ['2001:db8:0:0:1:2:3:4', true],
      ['2001:0DB8:0000::9', true],
      ['2001:db8:0:1::1', false],
      ['2001:db9::1', false],
      ['fe80::1%eth0', false],
      ['192.0.2.1', true],
      ['unknown', false],
    ] as const) {
      assert.equal(limit.waitMs(address, 0) > 0, waits, address)
    }
  })

  it('is forgotten, the longest ago first, when there are too many', () => {
    const limit = new FailureLimit()
    fail(limit, '192.0.2.1', 20)
    for (let i = 0; i < 9_999; i++) fail(limit, `10.0.${i >> 8}.${i & 255}`, 1)
    assert.ok(limit.waitMs('192.0.2.1', 0) > 0)
    fail(limit, '10.9.9.9', 1)
    assert.equal(limit.waitMs('192.0.2.1', 0), 0)
  })
})
