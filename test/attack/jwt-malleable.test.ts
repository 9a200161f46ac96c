/** One token in two spellings, or one that two readers understand differently. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { JWK } from 'jose'
import type { IssuerKeys } from '../../edge/sessions/jwks.ts'
import { makeDeviceKey } from '../../identity/key.ts'
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

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ecJwk = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec', alg: 'ES256' } as JWK

let edge: IdentityEdge
before(async () => {
  const jwks = ISSUER_SETTINGS.keys.kind === 'jwks' ? ISSUER_SETTINGS.keys.jwks.keys : []
  const keys: IssuerKeys = { kind: 'jwks', jwks: { keys: [...jwks, ecJwk] } }
  edge = await startIdentityEdge({ issuers: [{ ...ISSUER_SETTINGS, keys }] })
  edge.failures.failed = () => undefined
})
after(() => edge.close())

const codeOf = async (token: string) =>
  (refusalIn(await signIn(edge, makeDeviceKey(), token)) as { code: string }).code

/** Signs these very texts, whatever they are: what an issuer with a bug, or a thief of its key, does. */
function signed(header: string, payload: string, key: KeyObject = issuerKey.privateKey): string {
  const input = [header, payload].map((text) => Buffer.from(text).toString('base64url')).join('.')
  const signature =
    key.asymmetricKeyType === 'ec'
      ? sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
      : sign(null, Buffer.from(input), key)
  return `${input}.${signature.toString('base64url')}`
}

async function textsOf(token: string): Promise<[string, string]> {
  const [header = '', payload = ''] = token.split('.')
  const decode = (part: string) => Buffer.from(part, 'base64url').toString('utf8')
  return [decode(header), decode(payload)]
}

describe('a token with its bytes changed but not its signature', () => {
  const changes: Record<string, (token: string) => string> = {
    'a blank before': (token) => ` ${token}`,
    'a blank after': (token) => `${token} `,
    'a line break after': (token) => `${token}\n`,
    'a blank inside its payload': (token) => token.replace('.', '. '),
    'a blank inside its signature': (token) => `${token.slice(0, -8)} ${token.slice(-8)}`,
    'a line break inside its payload': (token) => token.replace(/\.(.{10})/, '.$1\n'),
    padding: (token) => `${token}==`,
    'the other base64 alphabet': (token) => token.replaceAll('-', '+').replaceAll('_', '/'),
    'stray bits in its last letter': (token) => strayBits(token),
    'a fourth part': (token) => `${token}.AA`,
    'a dot after': (token) => `${token}.`,
    'a NUL after': (token) => `${token}\0`,
  }
  for (const [what, change] of Object.entries(changes)) {
    it(`${what} is refused everywhere`, async () => {
      let token = await idToken()
      // A token without one of these letters would be the same in both alphabets.
      while (!/[-_]/.test(token)) token = await idToken()
      assert.notEqual(change(token), token)
      assert.equal(await codeOf(change(token)), 'ERR_TOKEN_FORMAT')
      const { access_token: session } = await signedIn(edge, makeDeviceKey())
      if (change(session) === session) return
      await assert.rejects(edge.sessions.authenticate(change(session)), {
        code: 'ERR_TOKEN_FORMAT',
      })
    })
  }

  it('the other of ECDSAs two signatures, is the same token: spent once for all', async () => {
    const [, payload] = await textsOf(await idToken())
    const token = signed('{"alg":"ES256","kid":"ec"}', payload, ec.privateKey)
    const twin = otherSignature(token)
    assert.notEqual(twin, token)
    await signedIn(edge, makeDeviceKey(), token)
    assert.equal(await codeOf(twin), 'ERR_SUBJECT_TOKEN_SPENT')
  })
})

describe('a signed token that says two things', () => {
  const header = '{"alg":"EdDSA","kid":"k1","typ":"JWT"}'

  for (const [what, change] of Object.entries<(payload: string) => string>({
    'two subjects': (payload) => payload.replace('{', '{"sub":"mallory",'),
    'two subjects, one escaped': (payload) => payload.replace('{', '{"s\\u0075b":"mallory",'),
    'two addresses': (payload) => payload.replace(/}$/, ',"email":"bob@example.com"}'),
    'two expiries': (payload) => payload.replace('{', '{"exp":99999999999,'),
    'a member twice deep inside': (payload) => payload.replace('{', '{"a":[{"b":1,"b":2}],'),
  })) {
    it(`${what}, is refused`, async () => {
      const [, payload] = await textsOf(await idToken())
      assert.notEqual(change(payload), payload)
      assert.equal(await codeOf(signed(header, change(payload))), 'ERR_TOKEN_FORMAT')
    })
  }

  it('two algorithms in its header, is refused', async () => {
    const [, payload] = await textsOf(await idToken())
    const two = '{"alg":"none","alg":"EdDSA","kid":"k1"}'
    assert.equal(await codeOf(signed(two, payload)), 'ERR_TOKEN_FORMAT')
  })

  for (const [what, text] of Object.entries({
    'an extension that we do not know': '{"alg":"EdDSA","kid":"k1","crit":["exp"]}',
    'an unencoded payload (RFC 7797)': '{"alg":"EdDSA","kid":"k1","crit":["b64"],"b64":false}',
    'no JSON for a header': 'header',
    'a list for a header': '["EdDSA"]',
  })) {
    it(`${what}, is refused`, async () => {
      const [, payload] = await textsOf(await idToken())
      assert.equal(await codeOf(signed(text, payload)), 'ERR_TOKEN_FORMAT')
    })
  }

  for (const [what, typ] of Object.entries({
    'an access token': 'at+jwt',
    'a DPoP proof': 'dpop+jwt',
    'a logout token': 'logout+jwt',
    'one of our session tokens': 'byname-session+jwt',
  })) {
    it(`the type of ${what}, is no ID token`, async () => {
      assert.equal(await codeOf(await idToken({}, { header: { typ } })), 'ERR_TOKEN_TYPE')
    })
  }

  it('a key of its own in its header, is checked with the issuers key all the same', async () => {
    const thief = makeDeviceKey()
    const [, payload] = await textsOf(await idToken())
    const bring = JSON.stringify({ alg: 'EdDSA', kid: 'k1', jwk: thief.publicJwk })
    assert.equal(await codeOf(signed(bring, payload, thief.privateKey)), 'ERR_TOKEN_SIGNATURE')
  })

  it('a subject that is none, is refused', async () => {
    for (const sub of ['', 7, null, ['alice'], 'a'.repeat(300)]) {
      assert.equal(await codeOf(await idToken({ sub })), 'ERR_TOKEN_CLAIM')
    }
  })

  it('too much, is refused before it is read', async () => {
    assert.equal(await codeOf(await idToken({ filler: 'x'.repeat(8_000) })), 'ERR_TOKEN_SIZE')
  })

  it('bytes that are no UTF-8, is refused', async () => {
    const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`
    const signature = sign(null, Buffer.from(input), issuerKey.privateKey).toString('base64url')
    assert.equal(await codeOf(`${input}.${signature}`), 'ERR_TOKEN_FORMAT')
  })
})

/** The last letter of a 64-byte signature carries four bits that mean nothing. */
function strayBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') ^ 1]
}

/** (r, s) and (r, n − s) verify alike (pitfalls-measured.md). */
function otherSignature(token: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const at = token.lastIndexOf('.') + 1
  const bytes = Buffer.from(token.slice(at), 'base64url')
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const flipped = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
  return token.slice(0, at) + Buffer.concat([bytes.subarray(0, 32), flipped]).toString('base64url')
}
