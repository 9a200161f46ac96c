/** The edge's identity rooms on a real HTTPS listener, with an issuer whose keys the test holds. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { SignJWT } from 'jose'
import { loadCertificates } from '../../edge/ca.ts'
import { type Answer, ask } from '../../edge/demo/ask.ts'
import { openConnectors } from '../../edge/enrol/connectors.ts'
import { enrolRoutes } from '../../edge/enrol/routes.ts'
import { FailureLimit } from '../../edge/failure-limit.ts'
import { type HttpEnv, httpGuard } from '../../edge/http-guard.ts'
import { type IssuerSettings, Issuers } from '../../edge/sessions/issuers.ts'
import { sessionRoutes } from '../../edge/sessions/routes.ts'
import { openSessions } from '../../edge/sessions/sessions.ts'
import { loadSigningKeys } from '../../edge/sessions/signing-keys.ts'
import { deploymentOf } from '../../edge/store/deployment.ts'
import { openSqliteStore } from '../../edge/store/sqlite.ts'
import { exchangeRequest, type TokenRequest } from '../../identity/exchange.ts'
import { type DeviceKey, makeDeviceKey } from '../../identity/key.ts'
import type { TokenResponse, WellKnown } from '../../identity/wire.ts'
import { silentLog } from '../../process/log.ts'

export const ISSUER = 'https://id.example.com'
export const AUDIENCE = 'byname-test'

/** An issuer of the test: signs whatever it is told to. */
export const issuerKey = makeDeviceKey()
const issuerJwk = { ...issuerKey.publicJwk, kid: 'k1', alg: 'EdDSA', use: 'sig' }

export const ISSUER_SETTINGS: IssuerSettings = {
  issuer: ISSUER,
  audience: AUDIENCE,
  keys: { kind: 'jwks', jwks: { keys: [issuerJwk] } },
  domains: ['example.com'],
}

export type IdentityEdge = Awaited<ReturnType<typeof startIdentityEdge>>

export interface Options {
  readonly issuers?: readonly IssuerSettings[]
  readonly lifeMs?: number
  /** Given: another edge on the same state. */
  readonly directory?: string
}

export async function startIdentityEdge(options: Options = {}) {
  const { issuers = [ISSUER_SETTINGS], lifeMs } = options
  const directory = options.directory ?? (await mkdtemp(path.join(tmpdir(), 'byname-identity-')))
  let shift = 0
  const now = () => Date.now() + shift
  const store = await openSqliteStore({ path: path.join(directory, 'store.db'), now })
  const deployment = await deploymentOf(store)
  const loadKeys = () => loadSigningKeys(directory)
  const sessions = await openSessions({
    store,
    deployment,
    issuers: new Issuers(issuers, { fetch: () => Promise.reject(new Error('none')), now }),
    loadKeys,
    now,
    ...(lifeMs === undefined ? {} : { lifeMs }),
  })
  const connectors = await openConnectors(store, now)
  const certificates = await loadCertificates({
    directory,
    edgeName: 'edge',
    names: ['127.0.0.1', 'edge.test'],
    now: now(),
  })
  const { caPem, caPin } = certificates
  const signingKeys = { keys: (await loadKeys()).publicJwks }
  const about: WellKnown = { schema: 1, deployment, edgeName: 'edge', caPem, caPin, signingKeys }
  const shared = {
    wellKnown: () => about,
    failures: new FailureLimit(),
    store,
    now,
    log: silentLog,
  }
  const app = new Hono<HttpEnv>()
  app.use(...httpGuard(new Set(['127.0.0.1', 'edge.test'])))
  app.route('/', sessionRoutes({ sessions, ...shared }))
  app.route('/', enrolRoutes(shared))
  const server = createServer(certificates.tls, getRequestListener(app.fetch))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    caPem,
    caPin,
    deployment,
    directory,
    store,
    sessions,
    connectors,
    failures: shared.failures,
    now,
    advance: (ms: number) => {
      shift += ms
    },
    send: (request: TokenRequest) => ask({ ...request, caPem }),
    close: async (keep?: 'keep') => {
      server.closeAllConnections()
      server.close()
      await sessions.close()
      await connectors.close()
      await store.close()
      if (keep !== 'keep') await rm(directory, { recursive: true })
    },
  }
}

/** An ID token as ISSUER makes it, with these claims beside or in place of the usual ones. */
export function idToken(
  claims: object = {},
  { now = Date.now(), header = {} }: { now?: number; header?: Record<string, unknown> } = {},
): Promise<string> {
  const seconds = Math.floor(now / 1000)
  const usual = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    jti: crypto.randomUUID(),
    iat: seconds,
    exp: seconds + 300,
  }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k1', typ: 'JWT', ...header })
    .sign(issuerKey.privateKey)
}

/** Signs in over HTTPS; the token endpoint's answer as it is. */
export async function signIn(edge: IdentityEdge, key: DeviceKey, token?: string): Promise<Answer> {
  const subject = token ?? (await idToken({}, { now: edge.now() }))
  const request = { edgeUrl: edge.url, key, idToken: subject, now: edge.now() }
  return edge.send(await exchangeRequest(request))
}

/** Signs in and expects it to work. */
export async function signedIn(
  edge: IdentityEdge,
  key: DeviceKey,
  token?: string,
): Promise<TokenResponse> {
  const { status, text } = await signIn(edge, key, token)
  if (status !== 200) throw new Error(`${status} ${text}`)
  return JSON.parse(text) as TokenResponse
}

/** Status, OAuth error and our code of a refusal. */
export function refusalIn({ status, text }: Answer): unknown {
  const { error, code } = JSON.parse(text) as { error?: unknown; code?: unknown }
  return { status, error, code }
}
