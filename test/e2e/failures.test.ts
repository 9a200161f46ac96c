import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { House, POLICY, pause } from './house/house.ts'
import { whyNoRooms } from './house/room.ts'

const skip = whyNoRooms() ?? false
const CURL = ['curl', '-sS', '-m', '10', 'http://wiki.corp.internal/']

describe('what happens when a part dies or a rule goes', { skip }, () => {
  let house: House
  before(async () => {
    house = new House('fail')
    await house.up()
  })
  after(() => house?.close())

  /** Starts an endless download as `who`; resolves when bytes come. */
  async function startTransfer(who: string) {
    const script =
      'exec curl -sS --limit-rate 2M -o /dev/null -w "%{exitcode}" http://wiki.corp.internal/endless'
    const child = house.startByname(who, ['sh', '-c', script])
    let stderr = ''
    child.stderr?.on('data', (chunk) => (stderr += chunk))
    const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, stderr })),
    )
    for (let tries = 0; tries < 100; tries++) {
      const rows = await house.flows(`${who}@example.com`, 'wiki.corp.internal')
      if (rows.some(({ state }) => state === 'open')) return { ended }
      await pause(50)
    }
    throw new Error(`the transfer of ${who} does not start: ${stderr}`)
  }

  before(() => {
    const file = `${house.services.directory}/web/endless`
    house.origins.runSync(['truncate', '-s', '4G', file])
  })

  test('kill -9 of the connector resets its flow, and the next goes by the other connector', async () => {
    const { ended } = await startTransfer('alice')
    const used = await connectorOf('wiki.corp.internal')
    await house.kill(used)
    const { code } = await ended
    assert.notEqual(code, 0)
    const next = await house.byname('alice', CURL)
    assert.equal(next.stdout, 'the wiki\n', next.stderr)
    house.startConnector(used === 'connector1' ? 1 : 2)
  })

  async function connectorOf(name: string): Promise<'connector1' | 'connector2'> {
    const rows = await house.flows('alice@example.com', name)
    const live = rows.find(({ state }) => state === 'open')
    return live?.connector?.name === 'hq1' ? 'connector1' : 'connector2'
  }

  test('a policy edit cuts a live flow within 100 ms and says why', async () => {
    const { ended } = await startTransfer('carol')
    const editedAt = Date.now()
    writeFileSync(house.policyFile, POLICY.replace(/ {2}carol-reads[\s\S]*/, ''))
    const { code, stderr } = await ended
    assert.notEqual(code, 0)
    const cutMs = await cutAfterMs('carol@example.com', editedAt)
    assert.ok(cutMs >= 0 && cutMs <= 100, `cut after ${cutMs} ms`)
    assert.match(stderr, /byname: carol@example\.com .*wiki\.corp\.internal:80/)
    writeFileSync(house.policyFile, POLICY)
    await house.untilReachable('carol')
  })

  async function cutAfterMs(who: string, editedAt: number): Promise<number> {
    const rows = await house.flows(who, 'wiki.corp.internal')
    const cut = rows.find(({ code }) => code === 'policy-changed')
    assert.ok(cut?.endedAt, JSON.stringify(rows))
    return cut.endedAt - editedAt
  }

  test('kill -9 and restart of the edge: client and connectors come back, session and lease hold', async () => {
    const shell = house.startByname('alice', [
      'sh',
      '-c',
      'dig +short wiki.corp.internal; while read line; do curl -sS -m 10 http://wiki.corp.internal/ || echo failed; dig +short wiki.corp.internal; done',
    ])
    const lines: string[] = []
    shell.stdout?.on('data', (chunk) => lines.push(...String(chunk).trim().split('\n')))
    const untilLines = async (count: number) => {
      for (let tries = 0; tries < 300 && lines.length < count; tries++) await pause(50)
      assert.ok(lines.length >= count, `only ${JSON.stringify(lines)}`)
    }
    await untilLines(1)
    await house.kill('edge')
    await house.startEdge()
    await pause(3000)
    shell.stdin?.write('go\n')
    await untilLines(3)
    shell.stdin?.end()
    assert.equal(lines[1], 'the wiki')
    assert.equal(lines[2], lines[0])
    const next = await house.byname('alice', CURL)
    assert.equal(next.stdout, 'the wiki\n', next.stderr)
  })
})
