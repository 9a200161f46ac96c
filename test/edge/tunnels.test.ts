import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tunnels } from '../../edge/tunnels/tunnels.ts'
import type { RelayTunnel } from '../../tunnel/relay.ts'

function tunnel() {
  const told: string[] = []
  const double = {
    told,
    isInDoubt: false,
    probe: () => void told.push('probe'),
    lose: (reason: string) => void told.push(`lose: ${reason}`),
    tick: () => undefined,
  }
  return double as typeof double & RelayTunnel
}

const owner = (peer: string, process = peer, keyAgreement?: string) =>
  ({ kind: 'connector', peer, process, keyAgreement }) as const

test('a younger tunnel has the older ones of its process asked, and no others', () => {
  const tunnels = new Tunnels(8)
  const [old, ofOther, ofOtherProcess] = [tunnel(), tunnel(), tunnel()]
  tunnels.add(owner('hq', 'hq.1'), old)
  tunnels.add(owner('hq', 'hq.2'), ofOtherProcess)
  tunnels.add(owner('lab', 'lab.1'), ofOther)
  tunnels.add(owner('hq', 'hq.1'), tunnel())
  assert.deepEqual([old.told, ofOther.told, ofOtherProcess.told], [['probe'], [], []])
})

test('one in doubt is lost at once when a younger one of its process lives, and not before', () => {
  const tunnels = new Tunnels(8)
  const [old, younger] = [tunnel(), tunnel()]
  tunnels.add(owner('hq', 'hq.1'), old)
  tunnels.add(owner('hq', 'hq.2'), tunnel())
  old.isInDoubt = true
  tunnels.tick(0)
  assert.deepEqual(old.told, [])
  tunnels.add(owner('hq', 'hq.1'), younger)
  younger.isInDoubt = true
  tunnels.tick(1000)
  assert.deepEqual(old.told, ['probe'], 'the whole machine may be slow')
  younger.isInDoubt = false
  tunnels.tick(2000)
  assert.deepEqual(old.told, [
    'probe',
    'lose: it says nothing, and a younger tunnel of its peer lives',
  ])
})

test('a younger one in doubt says nothing about the older one', () => {
  const tunnels = new Tunnels(8)
  const younger = tunnel()
  tunnels.add(owner('hq'), tunnel())
  tunnels.add(owner('hq'), younger)
  younger.isInDoubt = true
  tunnels.tick(0)
  assert.deepEqual(younger.told, [])
})

test('key agreements are counted by kind, the most frequent first, and a bounded number of them', () => {
  const tunnels = new Tunnels(100)
  tunnels.add(owner('a', 'a', 'X25519'), tunnel())
  for (let at = 0; at < 3; at++) tunnels.add(owner('b', 'b', 'X25519MLKEM768'), tunnel())
  tunnels.add(owner('c'), tunnel())
  assert.deepEqual(tunnels.agreements(), [
    { kind: 'connector', agreed: 'X25519MLKEM768', tunnels: 3 },
    { kind: 'connector', agreed: 'X25519', tunnels: 1 },
    { kind: 'connector', agreed: 'unknown', tunnels: 1 },
  ])
  for (let at = 0; at < 50; at++) tunnels.add(owner('d', 'd', `x${at}`), tunnel())
  assert.equal(tunnels.agreements().length, 16)
})
