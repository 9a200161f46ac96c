/** The connector's side of enrolment, for tests. */

import { ask } from '../../edge/demo/ask.ts'
import { makeConnectorToken } from '../../edge/enrol/join-tokens.ts'
import { parseJoinToken } from '../../identity/join.ts'
import type { DeviceKey } from '../../identity/key.ts'
import { enrolTranscript, signProof } from '../../identity/proof.ts'
import { type EnrolRequest, type EnrolResponse, PATHS } from '../../identity/wire.ts'
import { parsePattern } from '../../names/pattern.ts'
import type { IdentityEdge } from './identity-edge.ts'

export async function joinToken(
  edge: IdentityEdge,
  options: { readonly uses?: number; readonly lifeMs?: number } = {},
): Promise<string> {
  const mayPublish = [parsePattern('domain:corp.internal'), parsePattern('git.example.com')]
  const { url: edgeUrl, store, caPin, now } = edge
  const grant = { name: 'hq', mayPublish, ...options }
  return (await makeConnectorToken(grant, { store, edgeUrl, caPin, now })).token
}

export function enrolRequest(token: string, key: DeviceKey): EnrolRequest {
  const { id: tokenId, caPin } = parseJoinToken(token)
  const transcript = enrolTranscript({ tokenId, caPin, thumbprint: key.thumbprint })
  const proof = Buffer.from(signProof(key, transcript)).toString('base64url')
  return { token, publicJwk: key.publicJwk, proof }
}

export async function sendEnrol(edge: IdentityEdge, request: unknown) {
  const { status, text } = await ask({
    url: edge.url + PATHS.enrol,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    caPem: edge.caPem,
  })
  const body = JSON.parse(text) as EnrolResponse & { readonly error?: { readonly code: string } }
  return { status, code: body.error?.code, body }
}
