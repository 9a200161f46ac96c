import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../connector/app.ts'
import type { Dialled, DialRequest } from '../../connector/dial.ts'
import { OriginChecks } from '../../connector/health.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { StandingClock } from './clock.ts'

function checking(text: string, isUp: (request: DialRequest) => boolean) {
  const { apps } = parseConnectorSettings(text, '/c.yaml')
  const clock = new StandingClock()
  const dials: number[] = []
  const changes: string[] = []
  const dialler = {
    async dial(request: DialRequest): Promise<Dialled> {
      dials.push(request.port)
      if (!isUp(request))
        return { kind: 'failed', code: 'origin-refused', reason: 'no', detail: '' }
      const socket = { destroy: () => undefined } as never
      return { kind: 'connected', socket, address: 'x', resolveMicros: 0, connectMicros: 0 }
    },
  }
  const checks = new OriginChecks({
    dialler,
    clock,
    random: () => 0.5,
    changed: (_app, health) => changes.push(health),
  })
  return { apps, checks, clock, dials, changes, first: apps[0] as App }
}

const ONE = 'apps: [{ host: a.b, ports: [80] }]'

test('a first look settles the health before anything is announced', async () => {
  const up = checking(ONE, () => true)
  await up.checks.watch(up.apps)
  assert.deepEqual([up.checks.healthOf(up.first), up.changes], ['ok', ['ok']])
  const down = checking(ONE, () => false)
  await down.checks.watch(down.apps)
  assert.equal(down.checks.healthOf(down.first), 'failing')
})

test('one failure is asked again after 2 s; the second makes it failing; one success makes it ok', async () => {
  let isUp = true
  const { apps, checks, clock, changes, dials, first } = checking(ONE, () => isUp)
  await checks.watch(apps)
  isUp = false
  await clock.pass(15_000)
  assert.equal(checks.healthOf(first), 'ok')
  await clock.pass(2000)
  assert.equal(checks.healthOf(first), 'failing')
  isUp = true
  await clock.pass(15_000)
  assert.deepEqual(changes, ['ok', 'failing', 'ok'])
  assert.equal(dials.length, 4)
})

test('an app lives while any of its ports does', async () => {
  const { apps, checks, first } = checking(
    'apps: [{ host: a.b, ports: [80, 443] }]',
    ({ port }) => port === 443,
  )
  await checks.watch(apps)
  assert.equal(checks.healthOf(first), 'ok')
})

test('ports that all lead to one are checked once', async () => {
  const { apps, checks, dials } = checking('apps: [{ host: a.b, to: "http://x:81" }]', () => false)
  await checks.watch(apps)
  assert.deepEqual(dials, [80])
})

test('apps without a check are unknown and never dialled', async () => {
  const { apps, checks, dials, first } = checking(
    'apps: [{ host: "*.b", ports: [80] }]',
    () => true,
  )
  await checks.watch(apps)
  assert.deepEqual([checks.healthOf(first), dials], ['unknown', []])
})

test('a probe asks at once, and the rounds go on afterwards', async () => {
  let isUp = true
  const { apps, checks, clock, changes, dials, first } = checking(ONE, () => isUp)
  await checks.watch(apps)
  isUp = false
  await checks.probe(first)
  await checks.probe(first)
  assert.deepEqual(changes, ['ok', 'failing'])
  const before = dials.length
  await clock.pass(15_000)
  assert.equal(dials.length, before + 1, 'one round, not one for each probe')
})

test('what is watched instead is all that is dialled, and nothing after close', async () => {
  const { apps, checks, clock, dials } = checking(ONE, () => true)
  await checks.watch(apps)
  await checks.watch([])
  await clock.pass(60_000)
  assert.equal(dials.length, 1)
  await checks.watch(apps)
  checks.close()
  await clock.pass(60_000)
  assert.equal(dials.length, 2)
  assert.equal(clock.waitingCount, 0)
})
