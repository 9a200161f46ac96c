import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LiveFlow } from '../../edge/gate/live.ts'
import { type Denial, deny, type FlowRequest } from '../../edge/gate/verdict.ts'
import type { Grant } from '../../edge/gate.ts'
import { Resumes } from '../../edge/route/resumes.ts'
import type { Resumed } from '../../edge/route.ts'
import { parseHostname } from '../../names/hostname.ts'
import type { RelayFlow } from '../../tunnel/relay.ts'
import { makeClock } from './clock.ts'

/** The edge's side of flows that come back, in a world that a test turns as it likes. */
function house() {
  const clock = makeClock()
  const world = {
    verdict: { kind: 'granted' } as Denial | { kind: 'granted' },
    led: 'led' as Resumed,
    hasAnnounced: false,
    isGone: false,
    live: undefined as LiveFlow | undefined,
    judged: 0,
  }
  const told: string[] = []
  const records: string[] = []
  const resumes = new Resumes({
    gate: {
      admit: () => {
        world.judged++
        return world.verdict as Grant | Denial
      },
      findLive: () => world.live,
    },
    route: { resume: () => world.led },
    registry: { hasAnnounced: () => world.hasAnnounced, isGone: () => world.isGone },
    books: {
      flows: { refused: ({ code }) => void records.push(code) },
      counts: { refused: () => undefined },
      edge: 'a',
    },
    counts: { judged: () => undefined },
    clock,
  })
  const ask = (more: Partial<RelayFlow> & { session?: string } = {}): RelayFlow => {
    const { session = 's1', ...said } = more
    const flow = {
      ...{ kind: 'resume', flowId: 'f1', attempt: 2, instance: 'con.1', ...said },
      refuse: (code: string, _: string, facts: unknown) =>
        told.push(`${code}${facts && Object.keys(facts).length > 0 ? ' facts' : ''}`),
      handlers: undefined,
    } as unknown as RelayFlow
    resumes.ask({ flow, request: { ...request, session } })
    return flow
  }
  return { resumes, world, told, records, clock, ask }
}

const request: FlowRequest = {
  who: { kind: 'person', issuer: 'demo', subject: 'a', claims: new Map() },
  session: 's1',
  name: parseHostname('wiki.corp.internal'),
  port: 80,
  protocol: 'tcp',
  onRamp: 'run',
  device: { thumbprint: 't', selfReported: {} },
  now: 0,
}

const live = (more: Partial<LiveFlow> = {}) => ({
  ...{ flowId: 'f1', attempt: 1, isAnswered: true, request, letGo: () => undefined, ...more },
})

test('one whose connector is not here waits ten seconds for it, then is told to look elsewhere', () => {
  const { resumes, world, told, records, clock, ask } = house()
  world.led = 'not-here'
  ask()
  clock.advance(9999)
  resumes.tick(clock.now())
  assert.deepEqual(told, [])
  clock.advance(1)
  resumes.tick(clock.now())
  assert.deepEqual(told, ['connector-not-here'])
  assert.deepEqual(records, [], 'it asks again: that is no decision about the flow')
  assert.equal(resumes.heldCount, 0)
})

test('one whose connector process has ended is over after its ten seconds', () => {
  const { resumes, world, told, clock, ask } = house()
  world.led = 'not-here'
  world.isGone = true
  ask()
  clock.advance(10_000)
  resumes.tick(clock.now())
  assert.deepEqual(told, ['connector-down'])
})

test('one that waits is judged anew when its connector comes, and goes on waiting when it went again', () => {
  const { resumes, world, told, clock, ask } = house()
  world.led = 'not-here'
  ask()
  clock.advance(6000)
  resumes.arrived('con.2')
  assert.equal(world.judged, 1, 'another process is of no use')
  resumes.arrived('con.1')
  assert.deepEqual([world.judged, resumes.heldCount], [2, 1])
  clock.advance(4000)
  resumes.tick(clock.now())
  assert.deepEqual(told, ['connector-not-here'], 'ten seconds in all')
})

test('a policy that changed while it waited refuses it as a cut would', () => {
  const { resumes, world, told, records, ask } = house()
  world.led = 'not-here'
  ask()
  world.verdict = deny('policy-denied', 'rule r blocks it', 'r')
  resumes.arrived('con.1')
  assert.deepEqual([told, records], [['policy-changed facts'], ['policy-changed']])
})

test('a client that goes takes what waits for it along', () => {
  const { resumes, world, ask } = house()
  world.led = 'not-here'
  const flow = ask()
  flow.handlers?.closed({ code: 'tunnel-lost', reason: '', by: 'client', bytesUp: 0, bytesDown: 0 })
  assert.equal(resumes.heldCount, 0)
  resumes.arrived('con.1')
  assert.equal(world.judged, 1)
})

test('as many wait as there is room for, of one session and in all', () => {
  const { resumes, world, told, ask } = house()
  world.led = 'not-here'
  for (let at = 0; at < 10_001; at++) ask({ flowId: `f${at}` })
  assert.deepEqual([resumes.heldCount, told], [10_000, ['connector-not-here']])
  for (let at = 0; at < 45_000; at++) ask({ flowId: `g${at}`, session: `s${at % 9}` })
  assert.equal(resumes.heldCount, 50_000)
})

test('a session that asks without end is slowed down over all of its tunnels, and others are not', () => {
  const { world, told, ask } = house()
  for (let at = 0; at < 65_540; at++) ask()
  assert.equal(world.judged, 65_536)
  assert.deepEqual(new Set(told), new Set(['rate-limited']))
  ask({ session: 's2' })
  assert.equal(world.judged, 65_537)
})

test('names that nobody publishes yet are waited for, whether hidden or absent, until its connector spoke', () => {
  const absent = deny('no-such-name', 'nobody publishes that name')
  for (const verdict of [absent, { ...deny('policy-denied', 'x', 'r'), told: absent.told }]) {
    const { resumes, world, told, ask } = house()
    world.verdict = verdict
    ask()
    assert.deepEqual([told, resumes.heldCount], [[], 1])
    world.hasAnnounced = true
    resumes.arrived('con.1')
    assert.deepEqual(told, ['no-such-name'])
  }
})

test('a newer attempt lets the live one go, once it is let in', () => {
  const { world, told, ask } = house()
  let gone = 0
  world.live = live({ letGo: () => void gone++ }) as LiveFlow
  ask({ attempt: 2 })
  assert.deepEqual([gone, told], [1, []])
  world.verdict = deny('unmet', 'mfa')
  ask({ attempt: 3 })
  assert.deepEqual([gone, told], [1, ['policy-changed']])
})

const MISTAKEN: [string, Partial<LiveFlow>, string][] = [
  ['an attempt that was used', { attempt: 2 }, 'resume-mismatch'],
  ['an older attempt', { attempt: 7 }, 'resume-mismatch'],
  ['another session', { request: { ...request, session: 's2' } }, 'resume-mismatch'],
  [
    "another session's, that its connector has not confirmed",
    { request: { ...request, session: 's2' }, isAnswered: false },
    'connector-not-here',
  ],
]
for (const [what, old, code] of MISTAKEN) {
  test(`of a live flow ${what} is ${code}, and it is left alone`, () => {
    const { world, told, ask } = house()
    world.live = live({ ...old, letGo: () => assert.fail('let go') }) as LiveFlow
    ask({ attempt: 2 })
    assert.deepEqual(told, [code])
  })
}

test('an edge that drains sends all that wait elsewhere, and holds no more', () => {
  const { resumes, world, told, ask } = house()
  world.led = 'not-here'
  ask()
  resumes.drain()
  ask()
  assert.deepEqual(told, ['shutting-down', 'shutting-down'])
})
