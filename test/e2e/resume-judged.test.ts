/** Costs about 12 s. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Client, program } from './house/client.ts'
import type { Progress } from './house/downloads.ts'
import { whyNoRooms } from './house/room.ts'
import { Stage } from './house/stage.ts'
import { until } from './house/until.ts'
import { Watched } from './house/watched.ts'

const skip = whyNoRooms() ?? false
const PORT = 7000
/** Of what the brief connector holds: nobody tells it that a flow was refused at the edge. */
const LIFE = { BYNAME_DETACHED_LIFE: '3s' }
const FLOWS = 20

const POLICY_WITHOUT_CAROL = `version: 1
allow:
  dave-reaches-everything: { who: dave@example.com, to: "domain:corp.internal", ports: all }
`

describe('a flow that is detached', { skip }, () => {
  let stage: Stage
  let client: Client
  before(async () => {
    stage = new Stage('rsj')
    await Promise.all([stage.startOrigin(PORT), stage.startEdge('one')])
    const brief = '{ host: brief.corp.internal, ports: 7000, to: 10.81.2.10 }'
    await stage.addConnector('brief', [brief], LIFE)
    client = stage.addClient()
  })
  after(() => stage?.close())

  /** Some downloads that would last for a minute, with bytes under way. */
  async function transferring(who: string, host: string, env: NodeJS.ProcessEnv = {}) {
    const words = program('downloads.ts', host, PORT, FLOWS, 12_000_000, 200_000)
    const downloads = new Watched<Progress>(client.start(who, words, env))
    await downloads.until(({ receivedBytes }) => receivedBytes > FLOWS * 100_000, {
      what: 'it runs',
    })
    return downloads
  }

  test('is reset with the policy’s code when the policy has changed meanwhile', async () => {
    const downloads = await transferring('carol', 'brief.corp.internal')
    await stage.edge('one').kill()
    writeFileSync(stage.policyFile, POLICY_WITHOUT_CAROL)
    await stage.startEdge('one')
    await downloads.ended
    assert.equal(downloads.last?.failed.length, FLOWS)
    assert.match(downloads.last.failed.join(), /ECONNRESET/)
    const rows = await stage.flows('one', { who: 'carol@example.com' })
    const [reset, refused] = ['reset', 'refused'].map((wanted) =>
      rows.filter(({ state, code }) => state === wanted && code === 'policy-changed'),
    )
    assert.deepEqual([reset?.length, refused?.length, rows.length], [FLOWS, FLOWS, 2 * FLOWS])
    const ids = (list: typeof rows | undefined) => list?.map(({ flowId }) => flowId).sort()
    assert.deepEqual(ids(reset), ids(refused), 'the refusal is told with the flow that it ended')
    await untilNothingIsLeft()
  })

  test('is reset at both ends when nobody has asked for it in time, and leaves nothing', async () => {
    const downloads = await transferring('dave', 'brief.corp.internal', LIFE)
    const { flows } = await stage.connectorStatus('brief')
    assert.equal(flows, FLOWS)
    await stage.edge('one').kill()
    await downloads.ended
    assert.equal(downloads.last?.failed.length, FLOWS)
    assert.match(downloads.last.failed.join(), /ECONNRESET/)
    await untilNothingIsLeft()
    await stage.startEdge('one')
    const rows = await stage.flows('one', { who: 'dave@example.com' })
    assert.deepEqual(new Set(rows.map(({ state }) => state)), new Set(['lost']))
    assert.equal((await stage.edgeStatus('one')).flows.live, 0)
  })

  /** No flow, no detached one, and no connection to the origin. */
  function untilNothingIsLeft(): Promise<void> {
    let left = ''
    return until(
      async () => {
        const { flows, detached } = await stage.connectorStatus('brief')
        const words = ['ss', '-Htn', 'state', 'established', 'dst', '10.81.2.100']
        const connections = (await stage.origins.run(words)).stdout
        left = JSON.stringify({ flows, detached, connections })
        return flows === 0 && detached === 0 && connections.trim() === ''
      },
      { what: 'nothing is left at the connector', withinMs: 10_000, failed: () => left },
    )
  }
})
