import { randomBytes, timingSafeEqual } from 'node:crypto'
import { rm } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { writeSecret } from '../../process/state.ts'
import type { IssuerSettings } from '../sessions/issuers.ts'

/** Who the demo provider knows: addresses of example.com, and nobody else. */
export interface DemoProviderOptions {
  /** Addresses such as `alice@example.com`. */
  readonly people: readonly string[]
  /** Where the secret of this start is written, 0600; removed at the end. */
  readonly secretFile: string
  /** Default `127.0.0.1`; nothing but loopback is taken. */
  readonly host?: string
  readonly port?: number
  /** ms since the epoch */
  readonly now: () => number
}

export interface DemoProvider {
  readonly url: string
  /** What makes an edge believe it. */
  readonly issuer: IssuerSettings
  close(): Promise<void>
}

export class DemoProviderError extends Error {
  override readonly name = 'DemoProviderError'
  readonly code = 'ERR_DEMO_NOT_LOOPBACK'
  readonly fix = 'leave the address out, or write 127.0.0.1'
  readonly host: string
  constructor(host: string) {
    super(`the demo identity provider listens on loopback only, not on ${host}`)
    this.host = host
  }
}

/** The same at every start, so that its people stay the same; no address, so that nobody dials it. */
const ISSUER = 'https://demo.byname.invalid'
const AUDIENCE = 'byname'
const DOMAIN = 'example.com'
const TOKEN_LIFE_MS = 300_000

/**
 * An identity provider for trying byname out: whoever can read its secret may be anybody it knows. So
 * it listens on loopback alone, makes a new key and secret at each start, and its edge's store is
 * marked for good.
 * @throws {DemoProviderError} ERR_DEMO_NOT_LOOPBACK
 */
export async function startDemoProvider(options: DemoProviderOptions): Promise<DemoProvider> {
  const { host = '127.0.0.1', port = 0, secretFile } = options
  if (host !== '127.0.0.1' && host !== '::1') throw new DemoProviderError(host)
  const secret = randomBytes(32).toString('base64url')
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'demo', alg: 'ES256', use: 'sig' }
  const server = http.createServer({ requestTimeout: 5000, headersTimeout: 5000 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
  const sign = (email: string) => signIdToken(email, privateKey, options.now())
  const app = routes({ ...options, authority: new URL(url).host, secret, jwk, sign })
  server.on('request', getRequestListener(app.fetch))
  await writeSecret(secretFile, secret)
  return { url, issuer: issuerOf(url), close: () => close(server, secretFile) }
}

function issuerOf(url: string): IssuerSettings {
  const keys = { kind: 'jwks-url', url: `${url}/jwks` } as const
  return { issuer: ISSUER, audience: AUDIENCE, keys, domains: [DOMAIN], claims: ['groups', 'name'] }
}

interface Answers extends DemoProviderOptions {
  readonly authority: string
  readonly secret: string
  readonly jwk: object
  readonly sign: (email: string) => Promise<string>
}

function routes({ authority, secret, jwk, people, sign }: Answers): Hono {
  const app = new Hono()
  // A web page may POST to loopback: it cannot choose Host, and it cannot hide its Origin.
  app.use(async (context, next) => {
    const { req } = context
    const isOurs = req.header('host') === authority && req.header('origin') === undefined
    return isOurs ? next() : context.json({ error: 'forbidden' }, 403)
  })
  app.get('/jwks', (context) => context.json({ keys: [jwk] }))
  app.post('/token', bodyLimit({ maxSize: 4096 }), async (context) => {
    const given = context.req.header('authorization') ?? ''
    if (!isSame(given, `Bearer ${secret}`)) return context.json({ error: 'unauthorized' }, 401)
    const { email } = (await context.req.json().catch(() => ({}))) as { email?: unknown }
    const person = people.find((one) => one === email)
    if (person === undefined) return context.json({ error: 'unknown_person' }, 400)
    return context.json({ id_token: await sign(person) })
  })
  return app
}

function signIdToken(email: string, key: CryptoKey, now: number): Promise<string> {
  const [name = email] = email.split('@')
  return new SignJWT({ email, email_verified: true, name })
    .setProtectedHeader({ alg: 'ES256', kid: 'demo', typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(`demo-${name}`)
    .setJti(randomBytes(16).toString('base64url'))
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor((now + TOKEN_LIFE_MS) / 1000))
    .sign(key)
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

async function close(server: http.Server, secretFile: string): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(secretFile, { force: true })
}
