import assert from 'node:assert/strict'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { makePost } from '../../client/session/post.ts'
import { exchange } from '../../connector/enrol/exchange.ts'
import { acceptLinks, dialLink, POST_QUANTUM_ONLY, SERVER_OPTIONS } from '../../tunnel/link.ts'
import { makeCertificates } from '../connector/certificates.ts'

async function edge(t: TestContext, ecdhCurve: string) {
  const { caPem, certPem: cert, keyPem: key } = await makeCertificates()
  const server = https.createServer({ ...SERVER_OPTIONS, ecdhCurve, cert, key })
  server.on('request', (_request, response) => response.end('{}'))
  acceptLinks({ server }, (link) => t.after(() => link.terminate()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { caPem, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('both sides prefer a post-quantum key agreement, and fall back to another', async (t) => {
  for (const [offered, agreed] of [
    [SERVER_OPTIONS.ecdhCurve, 'X25519MLKEM768'],
    ['X25519:prime256v1', 'X25519'],
  ] as const) {
    const { caPem: ca, url } = await edge(t, offered)
    const link = await dialLink({ url: `${url}/tunnel`, ca })
    assert.equal(link.keyAgreement, agreed)
    link.terminate()
  }
})

test('an end that requires it says so by a code of its own when the edge has none', async (t) => {
  const { caPem: ca, url } = await edge(t, 'X25519:prime256v1')
  const keyAgreements = POST_QUANTUM_ONLY
  const refused = { code: 'ERR_NOT_POST_QUANTUM', exitCode: 3 }
  await assert.rejects(dialLink({ url: `${url}/tunnel`, ca, keyAgreements }), refused)
  const ask = { url: `${url}/`, headers: {}, body: '' }
  await assert.rejects(makePost(undefined, keyAgreements)(ask, ca), refused)
  const route = { proxy: undefined, requiresPostQuantum: true }
  await assert.rejects(exchange({ url, trust: { ca }, route }), refused)
})

test('an end that requires it reaches an edge that has it', async (t) => {
  const { caPem: ca, url } = await edge(t, SERVER_OPTIONS.ecdhCurve)
  const keyAgreements = POST_QUANTUM_ONLY
  const link = await dialLink({ url: `${url}/tunnel`, ca, keyAgreements })
  assert.equal(link.keyAgreement, 'X25519MLKEM768')
  link.terminate()
  const ask = { url: `${url}/`, headers: {}, body: '' }
  assert.equal((await makePost(undefined, keyAgreements)(ask, ca)).text, '{}')
  const route = { proxy: undefined, requiresPostQuantum: true }
  assert.equal((await exchange({ url, trust: { ca }, route })).status, 200)
})

test('nobody there is not taken for a missing key agreement', async () => {
  const dial = dialLink({ url: 'wss://127.0.0.1:1/tunnel', keyAgreements: POST_QUANTUM_ONLY })
  await assert.rejects(dial, { code: 'tunnel-lost' })
})
