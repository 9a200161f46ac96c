import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { ConnectorRow, EdgeStatus, SessionRow } from '../../edge/control/status.ts'
import type { FlowRow } from '../../edge/flows/row.ts'
import { makeDpop, renewTarget } from '../../identity/dpop.ts'
import { ControlError, followControl } from '../../process/control.ts'
import { app } from './house/house.ts'
import { until } from './house/until.ts'
import { WholeEdge } from './house/whole.ts'

test('a whole edge: enrolled and signed in over HTTPS, a flow, its record, metrics, revocations', async (t) => {
  const edge = await WholeEdge.start(t)
  const site = await edge.enrol('hq', 'domain:corp.internal')
  const hq = await site.dial()
  hq.announce(app('wiki.corp.internal'))
  const device = await edge.signIn('alice@example.com')
  const [alice, bob] = [await device.dial(), await (await edge.signIn('bob@example.com')).dial()]
  await alice.knows('wiki.corp.internal')
  assert.deepEqual(alice.catalog?.zones, ['corp.internal'])

  const target = renewTarget(edge.ready.deployment, device.sessionId)
  const proof = await makeDpop(device.key, target, Date.now())
  alice.endpoint.send({ kind: 'renew', proof })
  await until(() => alice.of('renewed').length === 1)
  assert.ok((alice.of('renewed')[0]?.expiresAt ?? 0) > Date.now())

  const stop = new AbortController()
  const watched: FlowRow[] = []
  const watching = (async () => {
    const rows = followControl(edge.ready.controlPath, 'flow.watch', {}, { signal: stop.signal })
    for await (const row of rows) watched.push(row as FlowRow)
  })()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const flow = await alice.open('wiki.corp.internal').answered()
  flow.say('hello')
  await flow.hears('hello')
  const { refusal } = await bob.open('wiki.corp.internal').answered()
  assert.equal(refusal?.reason, 'no rule allows it')
  await until(() => watched.length === 2)
  assert.deepEqual(
    watched.map(({ who, state }) => [who.label, state]),
    [
      ['alice@example.com', 'open'],
      ['bob@example.com', 'refused'],
    ],
  )
  stop.abort()
  await watching

  const status = await edge.call<EdgeStatus>('status')
  assert.deepEqual(status.tunnels, { client: 2, connector: 1 })
  assert.deepEqual([status.isReady, status.sessions, status.flows.live], [true, 2, 1])
  const { connectors } = await edge.call<{ connectors: ConnectorRow[] }>('connector.list')
  assert.deepEqual(connectors[0]?.apps, [
    { pattern: 'wiki.corp.internal', ports: ['80'], health: 'ok' },
  ])
  assert.deepEqual([connectors[0]?.tunnels, connectors[0]?.flows], [1, 1])
  assert.equal((await fetch(`${edge.ready.healthUrl}/readyz`)).status, 200)
  const metrics = await (await fetch(`${edge.ready.healthUrl}/metrics`)).text()
  assert.match(metrics, /byname_edge_flows_live 1\n/)
  assert.match(metrics, /byname_edge_tunnels\{role="client"\} 2\n/)
  assert.match(metrics, /byname_edge_flows_refused_total\{code="policy-denied"\} 1\n/)
  assert.doesNotMatch(metrics, /alice|wiki/, 'no person or name is a label')

  const { sessions } = await edge.call<{ sessions: SessionRow[] }>('session.list')
  assert.deepEqual(sessions.map(({ who }) => who).sort(), ['alice@example.com', 'bob@example.com'])
  await edge.call('session.revoke', { session: 'alice@example.com' })
  assert.equal((await flow.reset()).code, 'session-revoked')
  assert.equal((await alice.closed).code, 'session-revoked')
  await assert.rejects(device.dial(), { code: 'session-revoked' })
  const { flows } = await edge.call<{ flows: FlowRow[] }>('flow.list', { who: 'alice' })
  assert.deepEqual(
    flows.map(({ state, code, bytesUp, bytesDown }) => [state, code, bytesUp, bytesDown]),
    [['reset', 'session-revoked', 5, 5]],
  )

  await edge.call('connector.revoke', { connector: 'hq' })
  assert.equal((await hq.closed).code, 'connector-revoked')
  await assert.rejects(site.dial(), { code: 'connector-revoked' })
  await until(() => bob.catalog?.zones.length === 0)
  assert.equal(await edge.end('SIGTERM'), 0)
  assert.doesNotMatch(edge.stderr, /"level":"error"/)
  assert.doesNotMatch(edge.stderr, /byn_join_/, 'no secret is logged')
})

test('an edge that was killed comes back with its sessions, connectors, names and records', async (t) => {
  const first = await WholeEdge.start(t)
  const site = await first.enrol('hq', 'domain:corp.internal')
  const hq = await site.dial()
  hq.announce(app('wiki.corp.internal'))
  const device = await first.signIn('alice@example.com')
  const alice = await device.dial()
  await alice.knows('wiki.corp.internal')
  const flow = await alice.open('wiki.corp.internal').answered()
  assert.ok(flow.opened)
  const { token } = await first.call<{ token: string }>('connector.token', {
    name: 'later',
    mayPublish: ['later.corp.internal'],
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await first.end('SIGKILL')
  assert.equal((await flow.reset()).code, 'tunnel-lost')

  const second = await first.restart(t)
  assert.equal(second.ready.deployment, first.ready.deployment)
  assert.equal(second.ready.caPem, first.ready.caPem)
  const again = await device.dial()
  await again.knows('wiki.corp.internal')
  const { refusal } = await again.open('wiki.corp.internal').answered()
  assert.equal(refusal?.code, 'connector-down', 'its name is known before it is back')
  const back = await site.dial()
  back.announce(app('wiki.corp.internal'))
  await until(() => second.stderr.includes('connector-announced'))
  const fresh = await again.open('wiki.corp.internal').answered()
  assert.ok(fresh.opened)
  const { flows } = await second.call<{ flows: FlowRow[] }>('flow.list')
  assert.deepEqual(
    flows.map(({ flowId, state }) => [flowId, state]),
    [
      [flow.flowId, 'lost'],
      [flows[1]?.flowId, 'refused'],
      [fresh.flowId, 'open'],
    ],
  )
  assert.ok(token.startsWith('byn_join_'))
  assert.equal(await second.end('SIGTERM'), 0)
})

test('two edges on one control socket are one too many, and the second leaves the first alone', async (t) => {
  const edge = await WholeEdge.start(t)
  await assert.rejects(edge.restart(t), /EADDRINUSE|ERR_CONTROL_IN_USE/)
  const status = await edge.call<EdgeStatus>('status')
  assert.ok(status.isReady)
})

test('the control socket is its user’s alone, and wrong calls are answered with a code', async (t) => {
  const edge = await WholeEdge.start(t)
  assert.equal((await stat(edge.ready.controlPath)).mode & 0o777, 0o600)
  for (const file of ['edge.db', 'ca.pem', 'signing-keys.json']) {
    assert.equal((await stat(path.join(edge.directory, 'state', file))).mode & 0o077, 0, file)
  }
  const wrong: [string, object, string][] = [
    ['flow.list', { limit: 0 }, 'ERR_CONTROL_PARAMS'],
    ['flow.list', { who: 5 }, 'ERR_CONTROL_PARAMS'],
    ['connector.token', { name: 'a' }, 'ERR_CONTROL_PARAMS'],
    ['connector.token', { name: 'a', mayPublish: ['1.2.3.4'] }, 'ERR_CONTROL_PARAMS'],
    ['connector.token', { name: '../a', mayPublish: ['a.b'] }, 'ERR_CONTROL_PARAMS'],
    ['connector.revoke', { connector: 'nobody' }, 'ERR_CONNECTOR_UNKNOWN'],
    ['session.revoke', { session: 'nobody' }, 'ERR_SESSION_UNKNOWN'],
    ['no.such', {}, 'ERR_CONTROL_METHOD'],
  ]
  for (const [method, params, code] of wrong) {
    await assert.rejects(edge.call(method, params), (error) => {
      assert.ok(error instanceof ControlError)
      assert.equal(error.code, code, `${method} ${JSON.stringify(params)}`)
      return true
    })
  }
})

test('without a policy in force an edge is alive and not ready', async (t) => {
  const edge = await WholeEdge.start(t, 'version: 9\n')
  const ready = await fetch(`${edge.ready.healthUrl}/readyz`)
  assert.deepEqual([ready.status, await ready.text()], [503, 'not ready: no policy is in force\n'])
  assert.equal((await fetch(`${edge.ready.healthUrl}/healthz`)).status, 200)
  const problems = (await edge.call<EdgeStatus>('status')).policy.problems
  assert.equal(problems[0]?.line, 1)
  await writeFile(path.join(edge.directory, 'policy.yaml'), 'version: 1\n')
  await edge.call('policy.reload')
  assert.equal((await fetch(`${edge.ready.healthUrl}/readyz`)).status, 200)
})
