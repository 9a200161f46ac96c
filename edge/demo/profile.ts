import { mkdir } from 'node:fs/promises'
import { hostname, platform } from 'node:os'
import path from 'node:path'
import { exchangeRequest, readTokenAnswer } from '../../identity/exchange.ts'
import { type DeviceKey, exportKey, importKey, makeDeviceKey } from '../../identity/key.ts'
import {
  PROFILE_FILES,
  type ProfileDocument,
  type SessionDocument,
  sessionDocument,
} from '../../identity/profile.ts'
import { PATHS, type WellKnown } from '../../identity/wire.ts'
import { readSecret, writeSecret } from '../../process/state.ts'
import { type Answer, ask } from './ask.ts'

export interface DemoProfileOptions {
  /** The profile's own directory, `…/profiles/alice`. */
  readonly directory: string
  readonly name: string
  /** The address of somebody whom the provider knows. */
  readonly person: string
  readonly edge: { readonly url: string; readonly caPem: string }
  readonly provider: { readonly url: string; readonly secretFile: string }
  readonly now: () => number
}

/** The provider or the edge would not do it. */
export class DemoProfileError extends Error {
  override readonly name = 'DemoProfileError'
  readonly code = 'ERR_DEMO_PROFILE'
  readonly why: string
  constructor(name: string, why: string) {
    super(`the profile ${name} could not be made`)
    this.why = why
  }
}

/**
 * Signs a person of the demo in, by the same endpoints as anybody, and keeps the result as a client
 * profile. A profile that is there already keeps its device key, and so its session.
 * @throws {DemoProfileError}, {TokenRefused}, {IdentityError}
 */
export async function makeDemoProfile(options: DemoProfileOptions): Promise<SessionDocument> {
  const { directory, name, edge } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const key = await deviceKey(path.join(directory, PROFILE_FILES.device))
  const idToken = await fetchIdToken(options)
  const session = await signIn(key, idToken, options)
  const { deployment, edgeName } = await fetchWellKnown(options)
  const profile: ProfileDocument = { schema: 1, name, edge, deployment, edgeName }
  await writeDocument(path.join(directory, PROFILE_FILES.profile), profile)
  await writeDocument(path.join(directory, PROFILE_FILES.session), session)
  return session
}

async function deviceKey(file: string): Promise<DeviceKey> {
  const found = await readSecret(file)
  if (found) return importKey(JSON.parse(found.toString('utf8')))
  const key = makeDeviceKey()
  await writeDocument(file, exportKey(key))
  return key
}

async function fetchIdToken({ name, person, provider }: DemoProfileOptions): Promise<string> {
  const secret = await readSecret(provider.secretFile)
  const answer = await ask({
    url: `${provider.url}/token`,
    headers: {
      authorization: `Bearer ${String(secret).trim()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ email: person }),
  })
  const { id_token: idToken } = parse(answer, name) as { id_token?: unknown }
  if (typeof idToken === 'string') return idToken
  throw new DemoProfileError(name, 'the demo provider gave no ID token')
}

async function signIn(
  key: DeviceKey,
  idToken: string,
  { edge, now }: DemoProfileOptions,
): Promise<SessionDocument> {
  const device = { hostName: hostname(), os: platform() }
  const request = await exchangeRequest({ edgeUrl: edge.url, key, idToken, device, now: now() })
  const { status, text } = await ask({ ...request, caPem: edge.caPem })
  return sessionDocument(readTokenAnswer(status, text))
}

async function fetchWellKnown({ edge, name }: DemoProfileOptions): Promise<WellKnown> {
  const url = new URL(PATHS.wellKnown, edge.url).href
  return parse(await ask({ url, caPem: edge.caPem }), name) as WellKnown
}

function parse({ status, text }: Answer, name: string): unknown {
  if (status === 200) return JSON.parse(text)
  throw new DemoProfileError(name, `it was answered ${status}: ${text.slice(0, 200)}`)
}

function writeDocument(file: string, document: object): Promise<void> {
  return writeSecret(file, `${JSON.stringify(document, null, 2)}\n`)
}
