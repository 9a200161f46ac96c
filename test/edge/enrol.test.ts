import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnector } from '../../edge/enrol/connectors.ts'
import { findJoinRecord, markUsed } from '../../edge/enrol/join-tokens.ts'
import { parseJoinToken } from '../../identity/join.ts'
import { makeDeviceKey } from '../../identity/key.ts'
import { parsePattern } from '../../names/pattern.ts'
import { enrolRequest, joinToken, sendEnrol } from './enrolment.ts'
import { type IdentityEdge, startIdentityEdge } from './identity-edge.ts'

let edge: IdentityEdge
beforeEach(async () => {
  edge = await startIdentityEdge()
})
afterEach(() => edge.close())

describe('enrolling', () => {
  it('makes a connector of a key, with the name and grants of the token', async () => {
    const key = makeDeviceKey()
    const { status, body } = await sendEnrol(edge, enrolRequest(await joinToken(edge), key))
    assert.equal(status, 200)
    assert.equal(body.name, 'hq')
    assert.deepEqual(body.grants, ['domain:corp.internal', 'git.example.com'])
    assert.equal(body.deployment, edge.deployment)
    assert.equal(body.caPem, edge.caPem)
    const record = await edge.connectors.fetch(body.connectorId)
    assert.deepEqual(record?.publicJwk, key.publicJwk)
    assert.deepEqual(record?.grants, [
      parsePattern('domain:corp.internal'),
      parsePattern('git.example.com'),
    ])
    assert.equal(edge.connectors.find(body.connectorId)?.name, 'hq')
  })

  it('again with the same key and token gives the same connector, also when the token is over', async () => {
    const key = makeDeviceKey()
    const token = await joinToken(edge, { lifeMs: 60_000 })
    const first = await sendEnrol(edge, enrolRequest(token, key))
    const again = await sendEnrol(edge, enrolRequest(token, key))
    edge.advance(120_000)
    const late = await sendEnrol(edge, enrolRequest(token, key))
    assert.equal(first.status, 200)
    assert.deepEqual(again, first)
    assert.deepEqual(late, first)
    await sleep(30)
    assert.equal(edge.connectors.list().length, 1)
  })

  it('at once from several requests of one key gives one connector', async () => {
    const key = makeDeviceKey()
    const token = await joinToken(edge)
    const request = enrolRequest(token, key)
    const answers = await Promise.all([1, 2, 3, 4].map(() => sendEnrol(edge, request)))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(new Set(answers.map(({ body }) => body.connectorId)).size, 1)
  })

  it('lets in as many keys as the token has uses', async () => {
    const token = await joinToken(edge, { uses: 2 })
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) {
      const request = enrolRequest(token, makeDeviceKey())
      statuses.push((await sendEnrol(edge, request)).status)
    }
    assert.deepEqual(statuses, [200, 200, 403])
  })

  it('is refused when the token is over', async () => {
    const token = await joinToken(edge, { lifeMs: 60_000 })
    edge.advance(60_001)
    const { status, code } = await sendEnrol(edge, enrolRequest(token, makeDeviceKey()))
    assert.deepEqual({ status, code }, { status: 410, code: 'ERR_ENROL_TOKEN_EXPIRED' })
  })

  it('is refused to a connector that was revoked, whatever token it shows again', async () => {
    const key = makeDeviceKey()
    const token = await joinToken(edge)
    const { body } = await sendEnrol(edge, enrolRequest(token, key))
    await edge.connectors.revoke(body.connectorId, { by: 'test' })
    const { status, code } = await sendEnrol(edge, enrolRequest(token, key))
    assert.deepEqual({ status, code }, { status: 403, code: 'ERR_ENROL_REVOKED' })
  })

  it('is finished by the next request when the edge died half-way', async () => {
    const key = makeDeviceKey()
    const token = await joinToken(edge)
    const record = await findJoinRecord(edge.store, parseJoinToken(token))
    await markUsed(edge.store, record, key.thumbprint, 'con_0123456789abcdef')
    const { status, body } = await sendEnrol(edge, enrolRequest(token, key))
    assert.equal(status, 200)
    assert.equal(body.connectorId, 'con_0123456789abcdef')
    assert.equal((await edge.connectors.fetch(body.connectorId))?.name, 'hq')
  })

  it('keeps no secret: the store has a hash of it only', async () => {
    const token = await joinToken(edge)
    const { id, secret } = parseJoinToken(token)
    const entry = await edge.store.get(`join/${id}`)
    assert.ok(entry)
    const kept = JSON.stringify(entry) + JSON.stringify(await edge.store.read('audit'))
    assert.ok(!kept.includes(secret) && !kept.includes(token.slice(-40)))
  })

  it('cannot be asked for more uses than a record holds', async () => {
    await assert.rejects(joinToken(edge, { uses: 501 }), RangeError)
    const token = await joinToken(edge, { uses: 500 })
    let record = await findJoinRecord(edge.store, parseJoinToken(token))
    const used = Object.fromEntries(
      Array.from({ length: 499 }, (_, i) => [`${i}`.padStart(43, 'k'), 'con_0123456789abcdef']),
    )
    assert.ok(await markUsed(edge.store, { ...record, used }, 'k'.repeat(43), 'con_x'))
    record = await findJoinRecord(edge.store, parseJoinToken(token))
    assert.equal(Object.keys(record.used).length, 500)
  })
})

describe('an enrolled connector', () => {
  const enrolled = async (key = makeDeviceKey()) => {
    const { body } = await sendEnrol(edge, enrolRequest(await joinToken(edge), key))
    return body.connectorId
  }

  it('is told of when it comes, and once when it is revoked', async () => {
    const told: string[] = []
    edge.connectors.onChanged(({ name, revokedAt }) =>
      told.push(`${name} ${revokedAt === undefined ? 'live' : 'revoked'}`),
    )
    const id = await enrolled()
    await edge.connectors.fetch(id)
    assert.equal(await edge.connectors.revoke(id, { by: 'test' }), true)
    assert.deepEqual(told, ['hq live', 'hq revoked'])
    assert.equal(await edge.connectors.revoke(id, { by: 'test' }), false)
    assert.equal(await edge.connectors.revoke('con_nobody', { by: 'test' }), false)
    await sleep(40)
    assert.equal(told.length, 2)
    assert.ok(edge.connectors.find(id)?.revokedAt)
  })

  it('is revoked at another edge of the store within 20 ms', async () => {
    const other = await startIdentityEdge({ directory: edge.directory })
    const lags: number[] = []
    for (let i = 0; i < 9; i++) {
      const id = await enrolled()
      assert.ok(await other.connectors.fetch(id))
      const revoked = Promise.withResolvers<void>()
      const forget = other.connectors.onChanged((record) => {
        if (record.id === id && record.revokedAt !== undefined) revoked.resolve()
      })
      const startedAt = performance.now()
      await edge.connectors.revoke(id, { by: 'test' })
      await revoked.promise
      lags.push(performance.now() - startedAt)
      forget()
    }
    await other.close('keep')
    const median = lags.toSorted((a, b) => a - b)[4] ?? Number.POSITIVE_INFINITY
    assert.ok(median <= 20, `${median} ms`)
  })

  it('is there after a restart', async () => {
    const id = await enrolled()
    const restarted = await startIdentityEdge({ directory: edge.directory })
    assert.equal(restarted.connectors.find(id)?.name, 'hq')
    await restarted.close('keep')
  })

  it('counts as revoked when its record vanishes', async () => {
    const id = await enrolled()
    await edge.connectors.fetch(id)
    const told: (number | undefined)[] = []
    edge.connectors.onChanged(({ revokedAt }) => told.push(revokedAt))
    await edge.store.delete(`connector/${id}`)
    await sleep(40)
    assert.equal(typeof told[0], 'number')
    assert.equal(edge.connectors.find(id), undefined)
  })

  it('keeps its id for good', async () => {
    const id = await enrolled()
    const rival = { name: 'rival', grants: [], publicJwk: makeDeviceKey().publicJwk }
    assert.equal(await createConnector(edge.store, { id, enrolledAt: 0, ...rival }), false)
  })
})
