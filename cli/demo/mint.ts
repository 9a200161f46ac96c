import { mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { makePost } from '../../client/session/post.ts'
import { exchangeRequest, readTokenAnswer } from '../../identity/exchange.ts'
import { exportKey, makeDeviceKey } from '../../identity/key.ts'
import {
  PROFILE_FILES,
  type ProfileDocument,
  type SessionDocument,
} from '../../identity/profile.ts'
import { writeSecret } from '../../process/state.ts'

/** The provider to sign in at and the edge to be known to. */
export interface SignInPlace {
  readonly provider: { readonly url: string; readonly secretFile: string }
  readonly edge: { readonly url: string; readonly caPem: string }
  readonly deployment: string
  readonly edgeName: string
}

/**
 * Makes a profile for a demo person as a sign-in would: a device key of its own, an ID token of the
 * demo provider, a session at the edge through the public endpoint.
 */
export async function mintProfile(
  directory: string,
  email: string,
  place: SignInPlace,
): Promise<void> {
  const key = makeDeviceKey()
  const session = await signIn(key, email, place)
  const { edge, deployment, edgeName } = place
  const name = path.basename(directory)
  const profile: ProfileDocument = { schema: 1, name, edge, deployment, edgeName }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  await write(directory, PROFILE_FILES.device, exportKey(key))
  await write(directory, PROFILE_FILES.session, session)
  await write(directory, PROFILE_FILES.profile, profile)
}

async function signIn(
  key: ReturnType<typeof makeDeviceKey>,
  email: string,
  { provider, edge }: SignInPlace,
): Promise<SessionDocument> {
  const idToken = await fetchIdToken(provider, email)
  const device = { hostName: hostname(), os: process.platform }
  const ask = { edgeUrl: edge.url, key, idToken, device, now: Date.now() }
  const { status, text } = await makePost()(await exchangeRequest(ask), edge.caPem)
  const { access_token: token, byname } = readTokenAnswer(status, text)
  const { sessionId, expiresAt, sessionExpiresAt, person } = byname
  return { schema: 1, sessionId, token, expiresAt, sessionExpiresAt, person }
}

async function fetchIdToken(
  { url, secretFile }: SignInPlace['provider'],
  email: string,
): Promise<string> {
  const answer = await fetch(`${url}/token`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${readFileSync(secretFile, 'utf8')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ email }),
  })
  const said = (await answer.json()) as { id_token?: string; error?: string }
  if (said.id_token === undefined) throw new Error(`the demo provider: ${said.error}`)
  return said.id_token
}

const write = (directory: string, file: string, value: unknown) =>
  writeSecret(path.join(directory, file), `${JSON.stringify(value, null, 2)}\n`)
