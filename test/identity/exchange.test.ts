import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { IdentityError } from '../../identity/error.ts'
import { readTokenAnswer, TokenRefused } from '../../identity/exchange.ts'
import {
  readProfileDocument,
  readSessionDocument,
  sessionDocument,
} from '../../identity/profile.ts'

const ANSWER = {
  access_token: 'a.b.c',
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  token_type: 'DPoP',
  expires_in: 600,
  refresh_token: 'ses_1',
  byname: {
    schema: 1,
    deployment: 'd',
    sessionId: 'ses_1',
    expiresAt: 2_000,
    sessionExpiresAt: 3_000,
    person: { issuer: 'i', subject: 's', email: 'alice@example.com' },
  },
}

describe("the edge's answer to a token request", () => {
  it('is read as what it is, and kept by the profile as that', () => {
    const answer = readTokenAnswer(200, JSON.stringify(ANSWER))
    assert.deepEqual(answer, ANSWER)
    const document = sessionDocument(answer)
    assert.deepEqual(readSessionDocument(JSON.stringify(document)), document)
    assert.equal(document.token, 'a.b.c')
  })

  it('that is a refusal, becomes an error with both codes', () => {
    const text = JSON.stringify({
      error: 'invalid_grant',
      error_description: 'the session has ended',
      code: 'ERR_SESSION_ENDED',
    })
    assert.throws(
      () => readTokenAnswer(400, text),
      (error) =>
        error instanceof TokenRefused &&
        error.code === 'ERR_SESSION_ENDED' &&
        error.error === 'invalid_grant' &&
        error.status === 400 &&
        error.message === 'the session has ended',
    )
  })

  it('of somebody who is no edge, is refused whatever it says', () => {
    const answers = fc.oneof(fc.string(), fc.json(), fc.constant('<html>502 Bad Gateway</html>'))
    fc.assert(
      fc.property(fc.constantFrom(200, 204, 302, 400, 502), answers, (status, text) => {
        assert.throws(() => readTokenAnswer(status, text), { code: 'ERR_EDGE_ANSWER' })
      }),
    )
    for (const change of [{ access_token: 7 }, { byname: { ...ANSWER.byname, schema: 2 } }]) {
      const text = JSON.stringify({ ...ANSWER, ...change })
      assert.throws(() => readTokenAnswer(200, text), { code: 'ERR_EDGE_ANSWER' })
    }
  })
})

describe("a profile's documents", () => {
  const profile = {
    schema: 1,
    name: 'alice',
    edge: { url: 'https://127.0.0.1:1', caPem: 'pem' },
    deployment: 'd',
    edgeName: 'edge',
  } as const

  it('come back as they were written', () => {
    assert.deepEqual(readProfileDocument(JSON.stringify(profile)), profile)
  })

  it('are refused when they are damaged, whatever they hold', () => {
    const refused = { code: 'ERR_PROFILE_FORMAT' }
    const changes = [{ schema: 2 }, { name: '' }, { edge: {} }, { edge: null }, { deployment: 7 }]
    for (const change of changes) {
      const text = JSON.stringify({ ...profile, ...change })
      assert.throws(() => readProfileDocument(text), refused)
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.throws(() => readProfileDocument(text), IdentityError)
        assert.throws(() => readSessionDocument(text), IdentityError)
      }),
    )
  })
})
