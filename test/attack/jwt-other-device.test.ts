/** A stolen token, proof or request in the hands of another device. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadSigningKeys } from '../../edge/sessions/signing-keys.ts'
import { makeDpop } from '../../identity/dpop.ts'
import { exchangeRequest } from '../../identity/exchange.ts'
import { type DeviceKey, makeDeviceKey, publicKeyOf } from '../../identity/key.ts'
import { proofTranscript, signProof, verifyProof } from '../../identity/proof.ts'
import { verifyToken } from '../../identity/token.ts'
import { PATHS } from '../../identity/wire.ts'
import {
  type IdentityEdge,
  idToken,
  refusalIn,
  signedIn,
  startIdentityEdge,
} from '../edge/identity-edge.ts'

let edge: IdentityEdge
before(async () => {
  edge = await startIdentityEdge()
  edge.failures.failed = () => undefined
})
after(() => edge.close())

describe('another device with a stolen session token', () => {
  it('cannot sign a tunnels handshake with the key that the session names', async () => {
    const [owner, thief] = [makeDeviceKey(), makeDeviceKey()]
    const { access_token: token } = await signedIn(edge, owner)
    const session = await edge.sessions.authenticate(token)
    const facts = { role: 'client', deployment: edge.deployment, edgeName: 'edge' } as const
    const nonces = { edgeNonce: Buffer.alloc(32, 1), peerNonce: Buffer.alloc(32, 2) }
    const transcript = proofTranscript({ ...facts, ...nonces, exporter: undefined })
    const isSigned = (key: DeviceKey) =>
      verifyProof(publicKeyOf(session.devicePublicJwk), transcript, signProof(key, transcript))
    assert.equal(isSigned(owner), true)
    assert.equal(isSigned(thief), false)
  })

  it('is told apart by the tokens binding', async () => {
    const [owner, thief] = [makeDeviceKey(), makeDeviceKey()]
    const { access_token: token } = await signedIn(edge, owner)
    const { verifiers: keys } = await loadSigningKeys(edge.directory)
    const expect = { keys, deployment: edge.deployment, now: edge.now() }
    await verifyToken(token, { ...expect, thumbprint: owner.thumbprint })
    await assert.rejects(verifyToken(token, { ...expect, thumbprint: thief.thumbprint }), {
      code: 'ERR_TOKEN_BINDING',
    })
  })
})

describe('a DPoP proof', () => {
  const url = () => edge.url + PATHS.token
  const send = async (key: DeviceKey, dpop: string | undefined) => {
    const ask = { edgeUrl: edge.url, key, idToken: await idToken(), now: edge.now() }
    const { headers, ...request } = await exchangeRequest(ask)
    const { dpop: _, ...others } = headers
    return refusalIn(
      await edge.send({ ...request, headers: dpop === undefined ? others : { ...others, dpop } }),
    )
  }
  const refused = (code: string) => ({ status: 400, error: 'invalid_dpop_proof', code })

  it('is needed', async () => {
    assert.deepEqual(await send(makeDeviceKey(), undefined), refused('ERR_TOKEN_FORMAT'))
  })

  for (const [what, change] of Object.entries({
    method: { method: 'RENEW' as const },
    host: { url: 'https://another.example/auth/token' },
    path: { url: 'https://127.0.0.1/auth/token' },
  })) {
    it(`for another ${what} is refused`, async () => {
      const key = makeDeviceKey()
      const proof = await makeDpop(key, { method: 'POST', url: url(), ...change }, edge.now())
      assert.deepEqual(await send(key, proof), refused('ERR_DPOP_TARGET'))
    })
  }

  it('of long ago or of the future is refused', async () => {
    const key = makeDeviceKey()
    const at = (shift: number) => makeDpop(key, { method: 'POST', url: url() }, edge.now() + shift)
    assert.deepEqual(await send(key, await at(-200_000)), refused('ERR_TOKEN_EXPIRED'))
    assert.deepEqual(await send(key, await at(60_000)), refused('ERR_TOKEN_TIME'))
  })

  it('of another request of the same device is refused the second time', async () => {
    const key = makeDeviceKey()
    const proof = await makeDpop(key, { method: 'POST', url: url() }, edge.now())
    assert.deepEqual(await send(key, proof), { status: 200, error: undefined, code: undefined })
    assert.deepEqual(await send(key, proof), refused('ERR_DPOP_REPLAYED'))
  })

  it('whose header names another key than the one that signed is refused', async () => {
    const [key, other] = [makeDeviceKey(), makeDeviceKey()]
    const proof = await makeDpop(key, { method: 'POST', url: url() }, edge.now())
    const [header = '', payload = '', signature = ''] = proof.split('.')
    const read = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
    const named = (jwk: object) =>
      `${Buffer.from(JSON.stringify({ ...read, jwk })).toString('base64url')}.${payload}.${signature}`
    assert.deepEqual(await send(key, named(other.publicJwk)), refused('ERR_TOKEN_SIGNATURE'))
    assert.deepEqual(
      await send(key, named({ ...key.publicJwk, d: 'x' })),
      refused('ERR_KEY_FORMAT'),
    )
    assert.deepEqual(await send(key, named({ kty: 'oct', k: 'AA' })), refused('ERR_KEY_FORMAT'))
  })

  it('cannot be two', async () => {
    const key = makeDeviceKey()
    const make = () => makeDpop(key, { method: 'POST', url: url() }, edge.now())
    const both = `${await make()}, ${await make()}`
    assert.deepEqual(await send(key, both), refused('ERR_TOKEN_FORMAT'))
  })
})
