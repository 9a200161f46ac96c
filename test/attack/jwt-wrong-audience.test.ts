/** Tokens of a trusted issuer that were made for somebody else. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { makeDeviceKey } from '../../identity/key.ts'
import {
  AUDIENCE,
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

describe('a token for a wrong audience', () => {
  for (const aud of [
    'another-app',
    `${AUDIENCE} `,
    AUDIENCE.toUpperCase(),
    `${AUDIENCE}2`,
    '',
    [],
    ['another-app'],
    [AUDIENCE.slice(1)],
    { 0: AUDIENCE },
    [[AUDIENCE]],
    null,
  ]) {
    it(`${JSON.stringify(aud)} signs nobody in`, async () => {
      assert.equal(await codeOf(await idToken({ aud })), 'ERR_TOKEN_AUDIENCE')
    })
  }

  it('none at all, signs nobody in', async () => {
    assert.equal(await codeOf(await idToken({ aud: undefined })), 'ERR_TOKEN_AUDIENCE')
  })

  it('us among others, signs in only whoever was authorised for us', async () => {
    const aud = ['another-app', AUDIENCE]
    assert.equal(await codeOf(await idToken({ aud })), 'ERR_TOKEN_CLAIM')
    assert.equal(await codeOf(await idToken({ aud, azp: 'another-app' })), 'ERR_TOKEN_CLAIM')
    await signedIn(edge, makeDeviceKey(), await idToken({ aud, azp: AUDIENCE }))
  })

  it('us, but authorised for another, signs nobody in', async () => {
    assert.equal(await codeOf(await idToken({ azp: 'another-app' })), 'ERR_TOKEN_CLAIM')
  })
})
