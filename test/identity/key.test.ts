import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url, encodeBase64url } from '../../identity/base64url.ts'
import {
  exportKey,
  importKey,
  makeDeviceKey,
  publicKeyOf,
  readPublicJwk,
  thumbprint,
} from '../../identity/key.ts'

describe('a device key', () => {
  it('comes back from its file as the same key', () => {
    const key = makeDeviceKey()
    const again = importKey(JSON.parse(JSON.stringify(exportKey(key))))
    assert.deepEqual(again.publicJwk, key.publicJwk)
    assert.equal(again.thumbprint, key.thumbprint)
    assert.ok(again.privateKey.equals(key.privateKey))
    assert.ok(publicKeyOf(key.publicJwk).equals(key.publicKey))
  })

  it('has the thumbprint of RFC 8037 appendix A.3', () => {
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    }
    const expected = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    assert.equal(thumbprint(readPublicJwk(jwk)), expected)
  })

  it('is refused when its halves do not belong together', () => {
    const [one, other] = [makeDeviceKey(), makeDeviceKey()]
    const mixed = { ...exportKey(one), x: other.publicJwk.x }
    assert.throws(() => importKey(mixed), { code: 'ERR_KEY_FORMAT' })
  })

  for (const [what, change] of Object.entries({
    'no object': () => 'key',
    nothing: () => undefined,
    'an RSA key': (jwk: object) => ({ ...jwk, kty: 'RSA' }),
    'another curve': (jwk: object) => ({ ...jwk, crv: 'X25519' }),
    'a short point': (jwk: object) => ({ ...jwk, x: 'AAAA' }),
    'a padded point': (jwk: { x: string }) => ({ ...jwk, x: `${jwk.x}=` }),
    'a number for a point': (jwk: object) => ({ ...jwk, x: 7 }),
  })) {
    it(`is not ${what}`, () => {
      const jwk = change(makeDeviceKey().publicJwk)
      assert.throws(() => readPublicJwk(jwk), { code: 'ERR_KEY_FORMAT' })
    })
  }

  // https://cr.yp.to/ecdh.html#validate and libsodium's list: points of order 1, 2, 4 and 8.
  for (const hex of [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ]) {
    it(`is not the weak point ${hex.slice(0, 8)}…${hex.slice(-2)}`, () => {
      const x = Buffer.from(hex, 'hex').toString('base64url')
      const jwk = { kty: 'OKP', crv: 'Ed25519', x }
      assert.throws(() => readPublicJwk(jwk), { code: 'ERR_KEY_FORMAT', claim: 'x' })
    })
  }

  it('drops what else a peer put beside it, the private half first of all', () => {
    const key = makeDeviceKey()
    assert.deepEqual(readPublicJwk({ ...exportKey(key), kid: 'x', extra: {} }), key.publicJwk)
  })
})

describe('base64url', () => {
  it('gives back all bytes, and takes one spelling of them only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.base64String(), (bytes, text) => {
        const spelled = encodeBase64url(bytes)
        assert.deepEqual(decodeBase64url(spelled), Buffer.from(bytes))
        const decoded = decodeBase64url(text)
        if (decoded) assert.equal(encodeBase64url(decoded), text)
      }),
    )
  })

  it('refuses blanks, padding, the other alphabet and stray bits', () => {
    for (const text of ['AA==', 'A A', 'AA\n', '+/', 'AB', 'A', 'AAAAA']) {
      assert.equal(decodeBase64url(text), undefined, JSON.stringify(text))
    }
  })
})
