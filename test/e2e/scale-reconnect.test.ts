/** Costs about 30 s, enrolling two thirds of it. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Health } from './house/health-watch.ts'
import type { Sites } from './house/many-connectors.ts'
import { whyNoRooms } from './house/room.ts'
import { Stage } from './house/stage.ts'
import { Watched } from './house/watched.ts'

const skip = whyNoRooms() ?? false
const SITES = 1000
/** A join token has 500 uses at most. */
const TOKENS = 2
const BACK_WITHIN_MS = 30_000
/** They come from one address here, which is nobody's thousand sites. */
const LIMITS = 'limits: { unproven-per-address: 5000 }\n'

describe('many connectors', { skip }, () => {
  let stage: Stage
  before(async () => {
    stage = new Stage('scr')
    await stage.startEdge('one', LIMITS)
  })
  after(() => stage?.close())

  test('1,000 are back within 30 s of their edge, and its health is asked in vain by nobody', async () => {
    const sites = await startSites()
    await sites.until(({ ready }) => ready === SITES, { what: 'all are ready', withinMs: 90_000 })
    await stage.edge('one').kill()
    await sites.until(({ ready }) => ready === 0, { what: 'they notice' })
    await sleep(3000)
    await stage.startEdge('one')
    const servesAt = performance.now()
    const health = watchHealth()
    await sites.until(({ ready }) => ready === SITES, {
      what: 'all are back',
      withinMs: BACK_WITHIN_MS,
    })
    const backMs = performance.now() - servesAt
    const { tunnels } = await stage.edgeStatus('one')
    await health.until(({ asked }) => asked > 10, { what: 'health was asked' })
    console.log(`${tunnels.connector} tunnels, back after ${backMs.toFixed(0)} ms`, health.last)
    assert.ok(tunnels.connector >= SITES)
    assert.deepEqual(health.last?.failed, [])
  })

  async function startSites(): Promise<Watched<Sites>> {
    const directory = path.join(stage.directory, 'sites')
    mkdirSync(directory)
    const files: string[] = []
    for (let index = 0; index < TOKENS; index++) files.push(await tokenFile(index))
    const host = stage.addClient()
    const words = [path.join(import.meta.dirname, 'house/many-connectors.ts'), directory]
    const child = host.room.start([process.execPath, ...words, String(SITES), ...files], {
      stdio: 'pipe',
    })
    return new Watched<Sites>(child)
  }

  async function tokenFile(index: number): Promise<string> {
    const grant = ['--may-publish', 'domain:corp.internal', '--uses', '500']
    const made = await stage.edgeVerb('one', 'connector', 'token', `site${index}`, ...grant)
    assert.equal(made.code, 0, made.stderr)
    const file = path.join(stage.directory, `sites${index}.token`)
    writeFileSync(file, made.stdout, { mode: 0o600 })
    return file
  }

  function watchHealth(): Watched<Health> {
    const words = [path.join(import.meta.dirname, 'house/health-watch.ts')]
    const at = ['http://127.0.0.1:9464/healthz', '100', '2000']
    const child = stage.edgeRoom.start([process.execPath, ...words, ...at], { stdio: 'pipe' })
    return new Watched<Health>(child)
  }
})
