import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { parseIperf } from '../../bench/iperf.ts'
import { busySeconds } from '../../bench/machine.ts'
import { parseWrk } from '../../bench/wrk.ts'

/** As the programs wrote it (iperf3 without its intervals). */
const recorded = (name: string) =>
  readFileSync(path.join(import.meta.dirname, 'recorded', name), 'utf8')

describe('what the programs say', () => {
  test('iperf3: what the receiving end got, and each flow’s share of it', () => {
    const bulk = parseIperf(recorded('iperf3.json'))
    assert.ok(bulk.kind === 'measured')
    assert.equal(bulk.shares.length, 2)
    const sum = bulk.shares.reduce((a, b) => a + b, 0)
    assert.ok(Math.abs(sum / bulk.bitsPerSecond - 1) < 0.01, `${sum} of ${bulk.bitsPerSecond}`)
  })

  test('iperf3: a failure is its reason', () => {
    const bulk = parseIperf(recorded('iperf3-refused.json'))
    assert.ok(bulk.kind === 'failed')
    assert.match(bulk.reason, /Connection refused/)
  })

  test('wrk: requests a second and the p99, in ms whatever unit it was in', () => {
    const text = recorded('wrk.txt')
    assert.deepEqual(parseWrk(text), { perSecond: 20628.09, p99Ms: 36.45 })
    assert.equal(parseWrk(text.replace('36.45ms', '980.00us')).p99Ms, 0.98)
    assert.equal(parseWrk(text.replace('36.45ms', '1.02s')).p99Ms, 1020)
  })

  test('wrk: answers that are not 200 are no measurement', () => {
    assert.throws(() => parseWrk(recorded('wrk-503.txt')), /Non-2xx/)
    assert.throws(() => parseWrk('unable to connect'), /unable to connect/)
  })

  test('/proc/stat: waiting and what other guests took is not work', () => {
    assert.equal(busySeconds('cpu  100 20 300 9000 700 5 75 999 0 0'), 5)
  })
})
