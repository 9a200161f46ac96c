/** `alg: none` and its spellings: as an ID token at the token endpoint, as a session token of a tunnel. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { exchangeRequest } from '../../identity/exchange.ts'
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
  // Each attempt is to be judged on its own, not as one of too many.
  edge.failures.failed = () => undefined
})
after(() => edge.close())

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The same claims under another header, unsigned or with the old signature. */
function unsigned(token: string, alg: unknown, signature: string): string {
  const [header = '', payload = ''] = token.split('.')
  const old = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
  return `${encode({ ...old, alg })}.${payload}.${signature}`
}

describe('an unsigned token', () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, ['none'], 'EdDSA']) {
    for (const signature of ['', 'AA']) {
      it(`of alg ${JSON.stringify(alg)} and signature "${signature}" signs nobody in`, async () => {
        const answer = await signIn(
          edge,
          makeDeviceKey(),
          unsigned(await idToken(), alg, signature),
        )
        const { status, error } = refusalIn(answer) as { status: number; error: string }
        assert.deepEqual({ status, error }, { status: 400, error: 'invalid_request' })
      })

      it(`of alg ${JSON.stringify(alg)} and signature "${signature}" opens no tunnel`, async () => {
        const { access_token: token } = await signedIn(edge, makeDeviceKey())
        await edge.sessions.authenticate(token)
        await assert.rejects(
          edge.sessions.authenticate(unsigned(token, alg, signature)),
          ({ code }: { code: string }) => /^ERR_TOKEN_/.test(code),
        )
      })
    }
  }

  it('as a DPoP proof signs nobody in', async () => {
    const key = makeDeviceKey()
    const ask = { edgeUrl: edge.url, key, idToken: await idToken(), now: edge.now() }
    const request = await exchangeRequest(ask)
    for (const signature of ['', 'AA']) {
      const dpop = unsigned(String(request.headers.dpop), 'none', signature)
      const answer = await edge.send({ ...request, headers: { ...request.headers, dpop } })
      const { status, error } = refusalIn(answer) as { status: number; error: string }
      assert.deepEqual({ status, error }, { status: 400, error: 'invalid_dpop_proof' })
    }
  })
})
