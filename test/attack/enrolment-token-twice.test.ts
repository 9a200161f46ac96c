/** A join token in the wrong hands: used again by another key, guessed, changed, shown without the key. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { formatJoinToken, parseJoinToken } from '../../identity/join.ts'
import { exportKey, makeDeviceKey } from '../../identity/key.ts'
import { enrolRequest, joinToken, sendEnrol } from '../edge/enrolment.ts'
import { type IdentityEdge, startIdentityEdge } from '../edge/identity-edge.ts'

let edge: IdentityEdge
beforeEach(async () => {
  edge = await startIdentityEdge()
})
afterEach(() => edge.close())

const outcome = async (request: unknown) => {
  const { status, code } = await sendEnrol(edge, request)
  return `${status} ${code}`
}

describe('a join token that was used', () => {
  it('lets no other key in, and that it tried is recorded', async () => {
    const token = await joinToken(edge)
    const owner = await sendEnrol(edge, enrolRequest(token, makeDeviceKey()))
    assert.equal(owner.status, 200)
    assert.equal(await outcome(enrolRequest(token, makeDeviceKey())), '403 ERR_ENROL_TOKEN_SPENT')
    const records = (await edge.store.read('audit')).map(({ record }) => record)
    const refused = records.at(-1) as Record<string, string>
    assert.equal(refused.event, 'enrolment-refused')
    assert.equal(refused.code, 'ERR_ENROL_TOKEN_SPENT')
    assert.equal(refused.tokenId, parseJoinToken(token).id)
    assert.match(refused.from ?? '', /127\.0\.0\.1/)
    assert.equal((await edge.store.list('connector/')).length, 1)
  })

  it('by two keys at once makes one connector', async () => {
    const token = await joinToken(edge)
    const requests = Array.from({ length: 6 }, () => enrolRequest(token, makeDeviceKey()))
    const outcomes = await Promise.all(requests.map(outcome))
    assert.deepEqual(outcomes.toSorted(), [
      '200 undefined',
      ...Array<string>(5).fill('403 ERR_ENROL_TOKEN_SPENT'),
    ])
    assert.equal((await edge.store.list('connector/')).length, 1)
  })

  it('by two keys at once at two edges of one store makes one connector', async () => {
    const other = await startIdentityEdge({ directory: edge.directory })
    const token = await joinToken(edge)
    const answers = await Promise.all(
      [edge, other, edge, other].map((at) => sendEnrol(at, enrolRequest(token, makeDeviceKey()))),
    )
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 403, 403, 403])
    assert.equal((await edge.store.list('connector/')).length, 1)
    await other.close('keep')
  })

  it('gives nobody the owners connector who has the token but not the key', async () => {
    const token = await joinToken(edge)
    const owner = makeDeviceKey()
    await sendEnrol(edge, enrolRequest(token, owner))
    const stolen = { ...enrolRequest(token, makeDeviceKey()), publicJwk: owner.publicJwk }
    assert.equal(await outcome(stolen), '403 ERR_ENROL_PROOF')
  })
})

describe('a join token that was not given out', () => {
  const changed = async (change: object) => {
    const token = { ...parseJoinToken(await joinToken(edge)), ...change }
    return outcome(enrolRequest(formatJoinToken(token), makeDeviceKey()))
  }

  it('of a known id and a guessed secret is unknown', async () => {
    const secret = Buffer.alloc(32, 1).toString('base64url')
    assert.equal(await changed({ secret }), '403 ERR_ENROL_TOKEN_UNKNOWN')
  })

  it('of a guessed id is as unknown', async () => {
    const id = Buffer.alloc(12, 1).toString('base64url')
    assert.equal(await changed({ id }), '403 ERR_ENROL_TOKEN_UNKNOWN')
  })

  it('of another deployment is unknown', async () => {
    const other = await startIdentityEdge()
    const request = enrolRequest(await joinToken(other), makeDeviceKey())
    assert.equal(await outcome(request), '403 ERR_ENROL_TOKEN_UNKNOWN')
    await other.close()
  })

  it('is not guessed for long: the address is then told to wait', async () => {
    const request = enrolRequest(
      formatJoinToken({ ...parseJoinToken(await joinToken(edge)), secret: 'A'.repeat(43) }),
      makeDeviceKey(),
    )
    const outcomes: string[] = []
    for (let i = 0; i < 30; i++) outcomes.push(await outcome(request))
    assert.ok(outcomes.slice(0, 15).every((one) => one.startsWith('403')))
    assert.equal(outcomes.at(-1), '429 ERR_RATE_LIMITED')
    edge.advance(600_000)
    const honest = enrolRequest(await joinToken(edge), makeDeviceKey())
    assert.equal(await outcome(honest), '200 undefined')
  })
})

describe('a request that is no enrolment', () => {
  for (const [what, make] of Object.entries<(good: object) => unknown>({
    'no object': () => 'enrol',
    nothing: () => null,
    'an empty object': () => ({}),
    'a list': () => [],
    'no token': (good) => ({ ...good, token: undefined }),
    'a token that is a number': (good) => ({ ...good, token: 7 }),
    'half a token': (good) => ({ ...good, token: 'byn_join_AAAA' }),
    'no key': (good) => ({ ...good, publicJwk: undefined }),
    'a key of another kind': (good) => ({ ...good, publicJwk: { kty: 'RSA', n: 'AA', e: 'AQAB' } }),
    'no proof': (good) => ({ ...good, proof: undefined }),
    'a proof with blanks': (good) => ({ ...good, proof: 'AA AA' }),
  })) {
    it(`${what}, is refused with a code`, async () => {
      const good = enrolRequest(await joinToken(edge), makeDeviceKey())
      assert.equal(await outcome(make(good)), '400 ERR_ENROL_REQUEST')
    })
  }

  it('an empty or wrong proof, is refused', async () => {
    const good = enrolRequest(await joinToken(edge), makeDeviceKey())
    assert.equal(await outcome({ ...good, proof: '' }), '403 ERR_ENROL_PROOF')
    const wrong = Buffer.alloc(64, 1).toString('base64url')
    assert.equal(await outcome({ ...good, proof: wrong }), '403 ERR_ENROL_PROOF')
  })

  it('a private key, is taken for its public half and kept as that', async () => {
    const key = makeDeviceKey()
    const request = { ...enrolRequest(await joinToken(edge), key), publicJwk: exportKey(key) }
    const { status, body } = await sendEnrol(edge, request)
    assert.equal(status, 200)
    const entry = await edge.store.get(`connector/${body.connectorId}`)
    assert.ok(!JSON.stringify(entry).includes(exportKey(key).d))
  })
})
