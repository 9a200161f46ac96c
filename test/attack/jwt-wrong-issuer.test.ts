/** Tokens of somebody whom this deployment does not trust, or who is not who he says. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import type { IssuerSettings } from '../../edge/sessions/issuers.ts'
import { importKey, makeDeviceKey } from '../../identity/key.ts'
import { mintToken, tokenAudience } from '../../identity/token.ts'
import {
  AUDIENCE,
  type IdentityEdge,
  ISSUER,
  ISSUER_SETTINGS,
  idToken,
  refusalIn,
  signedIn,
  signIn,
  startIdentityEdge,
} from '../edge/identity-edge.ts'

const contractor = makeDeviceKey()
const OTHER: IssuerSettings = {
  issuer: 'https://id.contractor.example',
  audience: AUDIENCE,
  keys: {
    kind: 'jwks',
    jwks: { keys: [{ ...contractor.publicJwk, kid: 'k1', alg: 'EdDSA' }] },
  },
  domains: ['contractor.example'],
}

let edge: IdentityEdge
let stranger: IdentityEdge
before(async () => {
  edge = await startIdentityEdge({ issuers: [ISSUER_SETTINGS, OTHER] })
  stranger = await startIdentityEdge()
  edge.failures.failed = () => undefined
})
after(async () => {
  await edge.close()
  await stranger.close()
})

const codeOf = async (token: string) =>
  (refusalIn(await signIn(edge, makeDeviceKey(), token)) as { code: string }).code

describe('a token of a wrong issuer', () => {
  for (const iss of [
    'https://id.example.org',
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    'http://id.example.com',
    '',
    ' ',
    [ISSUER],
    { url: ISSUER },
    null,
  ]) {
    it(`${JSON.stringify(iss)} signs nobody in`, async () => {
      assert.equal(await codeOf(await idToken({ iss })), 'ERR_ISSUER_UNKNOWN')
    })
  }

  it('signed by one trusted issuer in the name of another signs nobody in', async () => {
    const now = Math.floor(edge.now() / 1000)
    const forged = await new SignJWT({ email: 'alice@example.com', email_verified: true })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject('alice')
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(contractor.privateKey)
    assert.equal(await codeOf(forged), 'ERR_TOKEN_SIGNATURE')
  })

  it('that asserts an address of another ones domain gives nobody that address', async () => {
    const now = Math.floor(edge.now() / 1000)
    const token = await new SignJWT({ email: 'alice@example.com', email_verified: true })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setIssuer(OTHER.issuer)
      .setAudience(AUDIENCE)
      .setSubject('alice')
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(contractor.privateKey)
    const { byname } = await signedIn(edge, makeDeviceKey(), token)
    assert.deepEqual(byname.person, { issuer: OTHER.issuer, subject: 'alice' })
  })

  it('another deployment, opens no tunnel', async () => {
    const { access_token: token } = await signedIn(stranger, makeDeviceKey())
    await stranger.sessions.authenticate(token)
    await assert.rejects(edge.sessions.authenticate(token), { code: 'ERR_TOKEN_KEY' })
  })

  it('another deployment that has our signing key, opens no tunnel', async () => {
    const key = makeDeviceKey()
    const { byname } = await signedIn(edge, key)
    const claims = {
      subject: 'alice',
      sessionId: byname.sessionId,
      tokenId: 'x',
      thumbprint: key.thumbprint,
      issuedAt: edge.now(),
      expiresAt: edge.now() + 60_000,
    }
    const signer = await signingKeyOf(edge)
    const ours = await mintToken(claims, { ...signer, deployment: edge.deployment })
    assert.equal((await edge.sessions.authenticate(ours)).id, byname.sessionId)
    const theirs = await mintToken(claims, { ...signer, deployment: stranger.deployment })
    await assert.rejects(edge.sessions.authenticate(theirs), { code: 'ERR_TOKEN_ISSUER' })
  })

  it('an ID token of a trusted issuer, is no session token', async () => {
    const token = await idToken({ aud: tokenAudience(edge.deployment), sid: 'x' })
    await assert.rejects(edge.sessions.authenticate(token), { code: 'ERR_TOKEN_KEY' })
  })
})

async function signingKeyOf({ directory }: IdentityEdge) {
  const document = JSON.parse(await readFile(`${directory}/signing-keys.json`, 'utf8'))
  const key = importKey(document.keys.at(-1))
  return { kid: key.thumbprint, key: key.privateKey.toCryptoKey('Ed25519', false, ['sign']) }
}
