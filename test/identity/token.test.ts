import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import { makeDpop, renewTarget, verifyDpop } from '../../identity/dpop.ts'
import { IdentityError } from '../../identity/error.ts'
import { makeDeviceKey } from '../../identity/key.ts'
import {
  MAX_TOKEN_LIFE_MS,
  mintToken,
  type SessionClaims,
  tokenAudience,
  tokenIssuer,
  verifyToken,
} from '../../identity/token.ts'

const NOW = 1_800_000_000_000
const signer = makeDeviceKey()
const device = makeDeviceKey()
const privateKey = signer.privateKey.toCryptoKey('Ed25519', false, ['sign'])
const keys = new Map([['k', signer.publicKey.toCryptoKey('Ed25519', true, ['verify'])]])
const expect = { keys, deployment: 'd', now: NOW }
const CLAIMS: SessionClaims = {
  subject: 'alice',
  sessionId: 'ses_1',
  tokenId: 't1',
  thumbprint: device.thumbprint,
  issuedAt: NOW,
  expiresAt: NOW + 600_000,
}
const mint = (claims: Partial<SessionClaims> = {}) =>
  mintToken({ ...CLAIMS, ...claims }, { kid: 'k', key: privateKey, deployment: 'd' })

/** A token with these claims in place of the right ones, signed by the right key. */
function forge(claims: object, header: object = {}): Promise<string> {
  const usual = {
    iss: tokenIssuer('d'),
    aud: tokenAudience('d'),
    sub: 'alice',
    sid: 'ses_1',
    jti: 't1',
    iat: NOW / 1000,
    exp: NOW / 1000 + 600,
    cnf: { jkt: device.thumbprint },
  }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'byname-session+jwt', kid: 'k', ...header })
    .sign(signer.privateKey)
}

describe('a session token', () => {
  it('says what was minted', async () => {
    const verified = await verifyToken(await mint(), { ...expect, thumbprint: device.thumbprint })
    assert.deepEqual(verified, CLAIMS)
    assert.deepEqual(await verifyToken(await forge({}), expect), CLAIMS)
  })

  for (const [what, claims, code] of [
    ['another issuer', { iss: tokenIssuer('other') }, 'ERR_TOKEN_ISSUER'],
    ['another audience', { aud: tokenAudience('other') }, 'ERR_TOKEN_AUDIENCE'],
    ['several audiences', { aud: [tokenAudience('d'), 'x'] }, 'ERR_TOKEN_CLAIM'],
    ['no subject', { sub: undefined }, 'ERR_TOKEN_CLAIM'],
    ['no session', { sid: undefined }, 'ERR_TOKEN_CLAIM'],
    ['an empty session', { sid: '' }, 'ERR_TOKEN_CLAIM'],
    ['a session that is a number', { sid: 1 }, 'ERR_TOKEN_CLAIM'],
    ['no id', { jti: undefined }, 'ERR_TOKEN_CLAIM'],
    ['no device', { cnf: undefined }, 'ERR_TOKEN_CLAIM'],
    ['an empty device', { cnf: {} }, 'ERR_TOKEN_CLAIM'],
    ['a device that is a text', { cnf: 'x' }, 'ERR_TOKEN_CLAIM'],
    ['no expiry', { exp: undefined }, 'ERR_TOKEN_CLAIM'],
    ['an expiry that is a text', { exp: '9999999999' }, 'ERR_TOKEN_CLAIM'],
    ['an absurd expiry', { exp: 1e15 }, 'ERR_TOKEN_TIME'],
    ['a life longer than any', { exp: NOW / 1000 + 601 }, 'ERR_TOKEN_TIME'],
    ['its end now', { exp: NOW / 1000 }, 'ERR_TOKEN_EXPIRED'],
    ['no beginning', { iat: undefined }, 'ERR_TOKEN_TIME'],
    ['its beginning in the future', { iat: NOW / 1000 + 31 }, 'ERR_TOKEN_TIME'],
  ] as const) {
    it(`with ${what} is refused`, async () => {
      await assert.rejects(verifyToken(await forge(claims), expect), { code })
    })
  }

  for (const [what, header, code] of [
    ['another type', { typ: 'JWT' }, 'ERR_TOKEN_TYPE'],
    ['no type', { typ: undefined }, 'ERR_TOKEN_TYPE'],
    ['an unknown key', { kid: 'other' }, 'ERR_TOKEN_KEY'],
    ['no key', { kid: undefined }, 'ERR_TOKEN_KEY'],
  ] as const) {
    it(`with ${what} in its header is refused`, async () => {
      await assert.rejects(verifyToken(await forge({}, header), expect), { code })
    })
  }

  it('lives ten minutes at most', () => {
    assert.equal(MAX_TOKEN_LIFE_MS, 600_000)
  })

  it('is refused whatever single character of it is changed', async () => {
    const token = await mint()
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_. =\n'
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom(...alphabet),
        async (at, letter) => {
          if (token[at] === letter) return
          const changed = token.slice(0, at) + letter + token.slice(at + 1)
          await assert.rejects(verifyToken(changed, expect), IdentityError)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is never made of any text, and no text throws anything else', async () => {
    const part = fc.oneof(fc.base64String({ maxLength: 30 }), fc.string({ maxLength: 20 }))
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        await assert.rejects(verifyToken(parts.join('.'), expect), IdentityError)
      }),
      { numRuns: 200 },
    )
  })

  it('is cut anywhere and refused', async () => {
    const token = await mint()
    for (let length = 0; length < token.length; length++) {
      await assert.rejects(verifyToken(token.slice(0, length), expect), IdentityError)
    }
  })
})

describe('a DPoP proof', () => {
  const target = { method: 'POST', url: 'https://edge.example.com/auth/token' } as const

  it('says whose it is and names itself', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => makeDpop(device, target, NOW)))
    const verified = await verifyDpop(one ?? '', target, NOW)
    assert.equal(verified.thumbprint, device.thumbprint)
    assert.notEqual(verified.jti, (await verifyDpop(other ?? '', target, NOW)).jti)
    assert.ok(verified.expiresAt > NOW + 120_000, 'it is remembered as long as it is taken')
  })

  it('is taken for a while, and remembered for longer than that', async () => {
    const proof = await makeDpop(device, target, NOW)
    const { expiresAt } = await verifyDpop(proof, target, NOW + 119_000)
    await assert.rejects(verifyDpop(proof, target, expiresAt), { code: 'ERR_TOKEN_EXPIRED' })
  })

  it('for one session or deployment is none for another', async () => {
    const proof = await makeDpop(device, renewTarget('d', 'ses_1'), NOW)
    await verifyDpop(proof, renewTarget('d', 'ses_1'), NOW)
    for (const other of [renewTarget('d', 'ses_2'), renewTarget('e', 'ses_1')]) {
      await assert.rejects(verifyDpop(proof, other, NOW), { code: 'ERR_DPOP_TARGET' })
    }
  })

  it('is no session token, nor the other way round', async () => {
    const proof = await makeDpop(signer, target, NOW)
    await assert.rejects(verifyToken(proof, expect), IdentityError)
    await assert.rejects(verifyDpop(await mint(), target, NOW), IdentityError)
  })

  for (const jti of [undefined, '', 'short', 7, 'x'.repeat(65)]) {
    it(`with the id ${JSON.stringify(jti)} is refused`, async () => {
      const proof = await new SignJWT({ htm: target.method, htu: target.url, jti: jti as string })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'dpop+jwt', jwk: { ...device.publicJwk } })
        .setIssuedAt(NOW / 1000)
        .sign(device.privateKey)
      await assert.rejects(verifyDpop(proof, target, NOW), { code: 'ERR_TOKEN_CLAIM' })
    })
  }
})
