/** HS256 with the issuer's or the edge's public key as the secret (RFC 8725 §2.1). */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { JWK } from 'jose'
import type { IssuerKeys } from '../../edge/sessions/jwks.ts'
import { loadSigningKeys } from '../../edge/sessions/signing-keys.ts'
import { makeDeviceKey, publicKeyOf } from '../../identity/key.ts'
import {
  type IdentityEdge,
  ISSUER_SETTINGS,
  idToken,
  issuerKey,
  refusalIn,
  signedIn,
  signIn,
  startIdentityEdge,
} from '../edge/identity-edge.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
/** A set as careless providers publish it: an RSA key without `alg`, and a shared secret in public. */
const rsaJwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' } as JWK
const octJwk = { kty: 'oct', k: Buffer.from('public secret').toString('base64url'), kid: 'oct' }

let edge: IdentityEdge
before(async () => {
  const jwks = ISSUER_SETTINGS.keys.kind === 'jwks' ? ISSUER_SETTINGS.keys.jwks.keys : []
  const keys: IssuerKeys = { kind: 'jwks', jwks: { keys: [...jwks, rsaJwk, octJwk] } }
  edge = await startIdentityEdge({ issuers: [{ ...ISSUER_SETTINGS, keys }] })
  edge.failures.failed = () => undefined
})
after(() => edge.close())

function hmac(token: string, secret: Uint8Array | string, header: object): string {
  const [, payload = ''] = token.split('.')
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function spellings(key: KeyObject): [string, Uint8Array | string][] {
  const jwk = key.export({ format: 'jwk' })
  return [
    ['PEM', key.export({ format: 'pem', type: 'spki' })],
    ['PEM without its last line break', String(key.export({ format: 'pem', type: 'spki' })).trim()],
    ['DER', key.export({ format: 'der', type: 'spki' })],
    ['JWK', JSON.stringify(jwk)],
    ['raw x', Buffer.from(String(jwk.x ?? jwk.n), 'base64url')],
  ]
}

describe('a token signed with HS256', () => {
  for (const [kid, key] of [
    ['k1', issuerKey.publicKey],
    ['rsa', rsa.publicKey],
  ] as const) {
    for (const [what, secret] of spellings(key)) {
      it(`under the issuers public key ${kid} as ${what} signs nobody in`, async () => {
        const forged = hmac(await idToken(), secret, { alg: 'HS256', typ: 'JWT', kid })
        assert.deepEqual(refusalIn(await signIn(edge, makeDeviceKey(), forged)), {
          status: 400,
          error: 'invalid_request',
          code: 'ERR_TOKEN_ALGORITHM',
        })
      })
    }
  }

  it('under a secret that the provider published signs nobody in', async () => {
    const header = { alg: 'HS256', typ: 'JWT', kid: 'oct' }
    const answer = await signIn(
      edge,
      makeDeviceKey(),
      hmac(await idToken(), 'public secret', header),
    )
    assert.equal((refusalIn(answer) as { code: string }).code, 'ERR_TOKEN_ALGORITHM')
  })

  it("under the edge's public signing key opens no tunnel", async () => {
    const { access_token: token } = await signedIn(edge, makeDeviceKey())
    const [jwk] = (await loadSigningKeys(edge.directory)).publicJwks
    assert.ok(jwk)
    for (const [, secret] of spellings(publicKeyOf(jwk))) {
      const header = { alg: 'HS256', typ: 'byname-session+jwt', kid: jwk.kid }
      await assert.rejects(edge.sessions.authenticate(hmac(token, secret, header)), {
        code: 'ERR_TOKEN_ALGORITHM',
      })
    }
  })
})
