import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cut, LiveFlow } from '../../edge/gate/live.ts'
import type { Denial, FlowRequest, Standing } from '../../edge/gate/verdict.ts'
import { Gate, type Grant } from '../../edge/gate.ts'
import { parseHostname } from '../../names/hostname.ts'
import type { Decision } from '../../policy/decision.ts'
import type { Requester } from '../../policy/requester.ts'
import { makeClock } from './clock.ts'

const alice: Requester = { kind: 'person', issuer: 'demo', subject: 'a', claims: new Map() }
const WIKI = parseHostname('wiki.corp.internal')
const ALLOW: Decision = { kind: 'allow', rule: 'all-read' }
const NO_RULE: Decision = { kind: 'deny', why: 'no-rule' }

/** A gate in a world that a test turns as it likes. */
function house(limits = { flows: 1000, flowsPerSession: 100 }) {
  const clock = makeClock()
  const world = {
    decide: (): Decision => ALLOW,
    mayReach: true,
    unlisted: false,
    exists: true,
    serves: true,
    connector: true,
    storeAgeMs: 0,
    standing: { kind: 'good', who: alice } as Standing,
  }
  const gate = new Gate({
    judge: {
      decide: (request) => world.decide.call(request),
      mayReachSomePort: () => world.mayReach,
      isHiddenFrom: () => world.unlisted && !world.mayReach,
    },
    names: {
      exists: () => world.exists,
      findConnector: () => (world.connector ? {} : undefined),
      serves: () => world.serves,
    },
    standing: () => world.standing,
    storeAgeMs: () => world.storeAgeMs,
    clock,
    limits,
  })
  return { gate, world, clock }
}

const request = (more: Partial<FlowRequest> = {}): FlowRequest => ({
  who: alice,
  session: 's1',
  name: WIKI,
  port: 80,
  protocol: 'tcp',
  onRamp: 'run',
  device: { thumbprint: 't', selfReported: {} },
  now: 0,
  ...more,
})

function enter(gate: Gate, flowId = 'f1', more: Partial<FlowRequest> = {}): Cut[] {
  const cuts: Cut[] = []
  const grant = gate.admit(request(more))
  assert.equal(grant.kind, 'granted')
  enterAs(gate, grant as Grant, { flowId, cut: (cut) => void cuts.push(cut) })
  return cuts
}

function enterAs(gate: Gate, grant: Grant, more: Partial<LiveFlow> = {}): LiveFlow {
  const { request, rule, until } = grant
  const flow: LiveFlow = {
    ...{ flowId: 'f1', attempt: 1, connectorId: 'hq', isAnswered: true, instance: 'hq.1' },
    ...{ request, rule, until },
    cut: () => undefined,
    letGo: () => undefined,
    ...more,
  }
  gate.enter(grant, flow)
  return flow
}

test('what the policy allows becomes a grant with the rule', () => {
  const grant = house().gate.admit(request())
  assert.deepEqual([grant.kind, grant.rule], ['granted', 'all-read'])
})

const DENIALS: [Decision, string, string, string | undefined][] = [
  [NO_RULE, 'policy-denied', 'no rule allows it', 'no-rule'],
  [
    { kind: 'deny', why: 'blocked', rule: 'nobody' },
    'policy-denied',
    'rule nobody blocks it',
    'nobody',
  ],
  [
    { kind: 'deny', why: 'unmet', rule: 'r', conditions: ['claim:okta/groups'] },
    'unmet',
    'rule r needs to know claim:okta/groups',
    'r',
  ],
  [
    { kind: 'deny', why: 'not-published', rule: 'r' },
    'not-published',
    'rule r allows it, but nobody publishes that port',
    'r',
  ],
]
for (const [decision, code, reason, rule] of DENIALS) {
  test(`a policy that answers ${JSON.stringify(decision)} is refused as ${code}`, () => {
    const { gate, world } = house()
    world.decide = () => decision
    const denial = gate.admit(request()) as Denial
    assert.deepEqual([denial.code, denial.reason, denial.rule], [code, reason, rule])
    assert.deepEqual(denial.told, { code, reason, facts: rule ? { rule } : {} })
  })
}

test('a name that nobody publishes is no such name, whatever the policy says', () => {
  const { gate, world } = house()
  world.exists = false
  for (const decision of [ALLOW, NO_RULE]) {
    world.decide = () => decision
    assert.equal((gate.admit(request()) as Denial).code, 'no-such-name')
  }
})

test('an unlisted app looks absent to whoever may not reach it, and only the log tells', () => {
  const { gate, world } = house()
  world.exists = false
  const absent = gate.admit(request()) as Denial
  Object.assign(world, { exists: true, unlisted: true, mayReach: false, decide: () => NO_RULE })
  const hidden = gate.admit(request()) as Denial
  assert.deepEqual(hidden.told, absent.told)
  assert.equal(hidden.code, 'policy-denied')
  world.mayReach = true
  assert.equal((gate.admit(request()) as Denial).told.code, 'policy-denied')
})

test('an ended session gets nothing, not even names', () => {
  const { gate, world } = house()
  assert.ok(gate.mayAsk(request()))
  world.standing = { kind: 'ended', code: 'session-revoked', reason: 'revoked' }
  assert.equal((gate.admit(request()) as Denial).code, 'session-revoked')
  assert.ok(!gate.mayAsk(request()))
})

test('a question about a name passes only where some port is allowed', () => {
  const { gate, world } = house()
  world.mayReach = false
  assert.ok(!gate.mayAsk(request()))
  Object.assign(world, { mayReach: true, exists: false })
  assert.ok(!gate.mayAsk(request()))
})

test('a grant opens one flow, once, and no other object passes for one', () => {
  const { gate } = house()
  const grant = gate.admit(request()) as Grant
  const flow = enterAs(gate, grant)
  assert.throws(() => gate.enter(grant, flow), TypeError)
  assert.throws(() => gate.enter({ ...grant }, flow), TypeError)
  const other = gate.admit(request({ port: 443 })) as Grant
  assert.throws(() => gate.enter(other, flow), TypeError)
})

test('flows are bounded, in all and for each session', () => {
  const { gate } = house({ flows: 3, flowsPerSession: 2 })
  const first = enterAs(gate, gate.admit(request()) as Grant)
  enter(gate, 'f2')
  assert.equal((gate.admit(request()) as Denial).code, 'over-budget')
  assert.equal(gate.admit(request(), first).kind, 'granted', 'it takes the place of another')
  enter(gate, 'f3', { session: 's2' })
  assert.equal((gate.admit(request({ session: 's3' })) as Denial).code, 'over-budget')
  gate.leave(first)
  assert.equal(gate.admit(request()).kind, 'granted')
})

test('an attachment that leaves late does not take the newer one of its flow along', () => {
  const { gate } = house()
  const old = enterAs(gate, gate.admit(request()) as Grant)
  gate.leave(old)
  const fresh = enterAs(gate, gate.admit(request()) as Grant, { attempt: 2 })
  gate.leave(old)
  assert.equal(gate.findLive('f1'), fresh)
})

test('after a policy change flows that are still allowed go on and the others are cut, once', () => {
  const { gate, world, clock } = house()
  const kept = enter(gate, 'kept', { port: 443 })
  const lost = enter(gate, 'lost', { port: 80 })
  world.decide = function (this: FlowRequest) {
    return this.port === 443 ? { kind: 'allow', rule: 'other' } : NO_RULE
  }
  void gate.judgeAll()
  void gate.judgeAll()
  clock.run()
  assert.deepEqual(kept, [])
  assert.deepEqual(lost, [{ code: 'policy-changed', reason: 'no rule allows it', rule: 'no-rule' }])
  assert.equal(gate.findLive('kept')?.rule, 'other')
  assert.equal(gate.liveCount, 1)
})

test('a blocking rule is named in the cut', () => {
  const { gate, world } = house()
  const cuts = enter(gate)
  world.decide = () => ({ kind: 'deny', why: 'blocked', rule: 'nobody-suspended' })
  void gate.judgeAll()
  assert.deepEqual(cuts, [
    {
      code: 'policy-changed',
      reason: 'rule nobody-suspended blocks it',
      rule: 'nobody-suspended',
    },
  ])
})

test('the end of a session cuts its flows at once and nobody else’s', () => {
  const { gate, world } = house()
  const mine = enter(gate, 'mine')
  const theirs = enter(gate, 'theirs', { session: 's2' })
  world.standing = { kind: 'ended', code: 'session-revoked', reason: 'an admin ended it' }
  void gate.judgeSession('s1')
  assert.deepEqual(mine, [{ code: 'session-revoked', reason: 'an admin ended it' }])
  assert.deepEqual(theirs, [])
})

test('a withdrawn app and a revoked connector cut the flows that they carried', () => {
  const { gate, world } = house()
  const withdrawn = enter(gate, 'f1')
  world.serves = false
  void gate.judgeAll()
  assert.equal(withdrawn[0]?.code, 'not-published')
  world.serves = true
  const revoked = enter(gate, 'f2')
  world.connector = false
  void gate.judgeAll()
  assert.equal(revoked[0]?.code, 'connector-revoked')
})

test('a decision with an end is judged again at that moment', () => {
  const { gate, world, clock } = house()
  world.decide = () => ({ kind: 'allow', rule: 'r', until: 5000 })
  const cuts = enter(gate, 'f1', { now: clock.now() })
  clock.advance(4999)
  assert.deepEqual(cuts, [])
  world.decide = () => NO_RULE
  clock.advance(1)
  assert.deepEqual(
    cuts.map(({ code }) => code),
    ['policy-changed'],
  )
})

test('the earliest of several ends is the one that is waited for', () => {
  const { gate, world, clock } = house()
  const until = new Map([
    ['f1', 9000],
    ['f2', 3000],
    ['f3', 6000],
  ])
  const cut = new Map<string, number>()
  for (const [flowId, at] of until) {
    world.decide = () => ({ kind: 'allow', rule: 'r', until: at })
    const grant = gate.admit(request()) as Grant
    const note = () => void cut.set(flowId, clock.now())
    enterAs(gate, grant, { flowId, cut: note })
  }
  world.decide = () => NO_RULE
  clock.advance(10_000)
  assert.deepEqual([...cut.values()], [3000, 3000, 3000], 'the policy changed for all of them')
  assert.equal(gate.liveCount, 0)
})

test('a gate that is blind to the store opens nothing after 10 s and cuts all after 60 s', () => {
  const { gate, world } = house()
  const cuts = enter(gate)
  world.storeAgeMs = 10_001
  gate.tick()
  assert.equal((gate.admit(request()) as Denial).code, 'internal')
  assert.equal(cuts.length, 0)
  world.storeAgeMs = 60_001
  gate.tick()
  assert.equal(cuts[0]?.code, 'internal')
})

test('whoever waits for a judgement is told when every flow was judged after the cause', async () => {
  const { gate, world, clock } = house({ flows: 20_000, flowsPerSession: 20_000 })
  for (let at = 0; at < 5000; at++) enter(gate, `f${at}`)
  world.decide = () => {
    clock.spend(10)
    return ALLOW
  }
  const first = gate.judgeAll()
  world.decide = () => {
    clock.spend(10)
    return NO_RULE
  }
  const second = gate.judgeAll()
  clock.run()
  await Promise.all([first, second])
  assert.equal(gate.liveCount, 0)
})

test('ten thousand flows are judged in slices that hold the loop for 20 ms at most', () => {
  const { gate, world, clock } = house({ flows: 20_000, flowsPerSession: 20_000 })
  for (let at = 0; at < 10_000; at++) enter(gate, `f${at}`)
  let longest = 0
  let sliceStart = clock.micros()
  clock.onTask = () => {
    sliceStart = clock.micros()
  }
  world.decide = () => {
    clock.spend(5)
    longest = Math.max(longest, clock.micros() - sliceStart)
    return NO_RULE
  }
  void gate.judgeAll()
  assert.ok(gate.liveCount > 0, 'not all in one go')
  clock.run()
  assert.equal(gate.liveCount, 0)
  assert.ok(longest <= 20_000, `${longest} µs`)
})
