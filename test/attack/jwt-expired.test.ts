/** Tokens before, after and beside their time. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { makeDeviceKey } from '../../identity/key.ts'
import {
  type IdentityEdge,
  idToken,
  refusalIn,
  signedIn,
  signIn,
  startIdentityEdge,
} from '../edge/identity-edge.ts'

let edge: IdentityEdge
before(async () => {
  edge = await startIdentityEdge()
  edge.failures.failed = () => undefined
})
after(() => edge.close())

const codeOf = async (token: string) =>
  (refusalIn(await signIn(edge, makeDeviceKey(), token)) as { code: string }).code

const at = (seconds: number) => Math.floor(edge.now() / 1000) + seconds

describe('an ID token', () => {
  for (const [what, claims, code] of [
    ['that expired', () => ({ exp: at(-31) }), 'ERR_TOKEN_EXPIRED'],
    ['that expires in a thousand years', () => ({ exp: at(31_536_000_000) }), 'ERR_TOKEN_TIME'],
    ['that expires in two days', () => ({ exp: at(172_800) }), 'ERR_TOKEN_TIME'],
    ['that never expires', () => ({ exp: undefined }), 'ERR_TOKEN_CLAIM'],
    ['whose expiry is a text', () => ({ exp: String(at(60)) }), 'ERR_TOKEN_CLAIM'],
    ['whose expiry is broken', () => ({ exp: at(60) + 0.5 }), 'ERR_TOKEN_CLAIM'],
    ['whose expiry is huge', () => ({ exp: 1e300 }), 'ERR_TOKEN_CLAIM'],
    ['issued in the future', () => ({ iat: at(60), exp: at(120) }), 'ERR_TOKEN_TIME'],
    ['issued long ago', () => ({ iat: at(-3_600) }), 'ERR_TOKEN_EXPIRED'],
    ['issued never', () => ({ iat: undefined }), 'ERR_TOKEN_TIME'],
    ['that is not valid yet', () => ({ nbf: at(60) }), 'ERR_TOKEN_TIME'],
  ] as const) {
    it(`${what} signs nobody in`, async () => {
      assert.equal(await codeOf(await idToken(claims())), code)
    })
  }

  it('may be some seconds off, for clocks are', async () => {
    const token = await idToken({ iat: at(20), exp: at(-20) })
    await signedIn(edge, makeDeviceKey(), token)
  })
})

describe('a session token', () => {
  it('opens no tunnel once its ten minutes are over, not a second later', async () => {
    const own = await startIdentityEdge()
    const { access_token: token, byname } = await signedIn(own, makeDeviceKey())
    own.advance(byname.expiresAt - own.now() - 1_000)
    assert.equal((await own.sessions.authenticate(token)).id, byname.sessionId)
    own.advance(1_001)
    await assert.rejects(own.sessions.authenticate(token), { code: 'ERR_TOKEN_EXPIRED' })
    await own.close()
  })

  it('opens no tunnel when the edge has set its clock back', async () => {
    const own = await startIdentityEdge()
    const { access_token: token } = await signedIn(own, makeDeviceKey())
    own.advance(-120_000)
    await assert.rejects(own.sessions.authenticate(token), { code: 'ERR_TOKEN_TIME' })
    await own.close()
  })
})
