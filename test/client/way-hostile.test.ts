import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { CLIENT_FILES } from '../../client/profile.ts'
import { readKeptCatalog } from '../../client/way/kept-catalog.ts'
import { PatientFlow } from '../../client/way/patient-flow.ts'
import { Renewal } from '../../client/way/renewal.ts'
import { Waiting } from '../../client/way/waiting.ts'
import { flowId, Seen } from '../tunnel/doubles.ts'
import { request } from '../tunnel/house.ts'
import { sessionOf, tempProfile } from './profile-dir.ts'

test('programs that gave up keep no place from those that wait, and nobody hurries for them', () => {
  const timers = new Set<object>()
  const after = () => {
    const timer = {}
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const waiting = new Waiting({ clock: () => 0, after, due: () => {}, reason: () => 'r' })
  const host = { mayAskAgain: () => false, waitAgain: () => {} }
  const add = (n: number) => {
    const seen = new Seen()
    const flow = new PatientFlow(host, { ...request(n), flowId: flowId(n) }, seen, 1000)
    waiting.add(flow)
    return flow
  }
  for (let n = 0; n < 1024; n++) add(n).reset('cancelled')
  assert.equal(add(2000).isOver, false)
  assert.equal(waiting.count, 1)
  assert.equal(timers.size, 1, 'one timer for all')
})

test('a kept catalogue whose ports are no ports counts as none', async (t) => {
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const file = path.join(profile.directory, CLIENT_FILES.catalog)
  for (const ports of [[null], ['x'], [{ from: 1 }], {}]) {
    const entries = [{ pattern: 'wiki.corp.internal', owned: true, ports }]
    const catalog = { kind: 'catalog', revision: 1, zones: [], entries }
    const { deployment } = profile
    await writeFile(file, JSON.stringify({ schema: 1, deployment, subject: 's', catalog }))
    assert.equal(await readKeptCatalog(profile, 's'), undefined)
  }
})

test('a token that lives for years is not renewed at once: timers have a greatest delay', async (t) => {
  const profile = await tempProfile(t, sessionOf(Date.now()))
  const delays: number[] = []
  const after = (delayMs: number) => {
    delays.push(delayMs)
    return () => {}
  }
  const deps = { profile, sessionId: 's', send: () => {}, clock: () => 0, after }
  new Renewal(deps, Number.MAX_SAFE_INTEGER).stop()
  assert.ok(delays.length === 1 && (delays[0] ?? Infinity) < 2 ** 31)
})
