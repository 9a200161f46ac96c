import { type Context, Hono } from 'hono'
import {
  PATHS,
  TOKEN_TYPE,
  type TokenErrorResponse,
  type TokenResponse,
  type WellKnown,
} from '../../identity/wire.ts'
import type { Log } from '../../process/log.ts'
import { type Audit, makeAudit } from '../audit.ts'
import type { FailureLimit } from '../failure-limit.ts'
import { addressOf, type HttpEnv, mediaType } from '../http-guard.ts'
import type { Store } from '../store/store.ts'
import { FormError, parseForm, type TokenForm } from './form.ts'
import { refusalOf, type TokenRefusal } from './refusal.ts'
import type { OpenedSession, Sessions } from './session.ts'

export interface SessionRouteDeps {
  readonly sessions: Pick<Sessions, 'exchange' | 'renew'>
  readonly wellKnown: () => WellKnown
  /** Shared by all routes of an edge. */
  readonly failures: FailureLimit
  readonly store: Pick<Store, 'append'>
  readonly now: () => number
  readonly log: Log
}

/** POST /auth/token and GET /.well-known/byname (docs/identity.md). To be mounted behind httpGuard. */
export function sessionRoutes(deps: SessionRouteDeps): Hono<HttpEnv> {
  const audit = makeAudit(deps.store)
  const app = new Hono<HttpEnv>()
  app.get(PATHS.wellKnown, (context) => context.json(deps.wellKnown()))
  app.post(PATHS.token, (context) => answerToken(context, deps, audit))
  return app
}

async function answerToken(
  context: Context<HttpEnv>,
  deps: SessionRouteDeps,
  audit: Audit,
): Promise<Response> {
  const { failures, now, log } = deps
  const from = addressOf(context)
  const waitMs = failures.waitMs(from, now())
  if (waitMs > 0) return answerRefusal(context, { ...SLOW_DOWN, waitMs })
  try {
    const form = await readForm(context)
    const opened = await open(form, context, deps, from)
    return context.json(responseOf(opened, deps))
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal.isFault) log.error({ event: 'token-failed', err: error }, 'a token request failed')
    else await noteRefusal(refusal, from, deps, audit)
    return answerRefusal(context, refusal)
  }
}

async function readForm(context: Context<HttpEnv>): Promise<TokenForm> {
  if (mediaType(context) !== 'application/x-www-form-urlencoded') {
    throw new FormError('invalid_request', 'the body must be application/x-www-form-urlencoded')
  }
  return parseForm(await context.req.text())
}

function open(
  form: TokenForm,
  context: Context<HttpEnv>,
  { sessions }: SessionRouteDeps,
  from: string,
): Promise<OpenedSession> {
  // Several DPoP headers arrive joined by a comma, which no proof has (RFC 9449 §4.3, 1).
  const dpop = context.req.header('dpop') ?? ''
  const url = urlOf(context)
  switch (form.kind) {
    case 'exchange':
      return sessions.exchange({ idToken: form.idToken, device: form.device, dpop, url, from })
    case 'renew':
      return sessions.renew({ sessionId: form.sessionId, dpop, url })
  }
}

/** The endpoint as the client spelled it: the guard has seen that Host is one of ours. */
function urlOf(context: Context<HttpEnv>): string {
  const { host, pathname } = new URL(context.req.url)
  return `https://${host}${pathname}`
}

function responseOf(
  { session, token, expiresAt }: OpenedSession,
  { now, wellKnown }: SessionRouteDeps,
): TokenResponse {
  const { issuer, subject, email } = session.person
  return {
    access_token: token,
    issued_token_type: TOKEN_TYPE.accessToken,
    token_type: 'DPoP',
    expires_in: Math.max(0, Math.floor((expiresAt - now()) / 1000)),
    refresh_token: session.id,
    byname: {
      schema: 1,
      deployment: wellKnown().deployment,
      sessionId: session.id,
      expiresAt,
      sessionExpiresAt: session.expiresAt,
      person: email === undefined ? { issuer, subject } : { issuer, subject, email },
    },
  }
}

async function noteRefusal(
  { status, code, error, message }: TokenRefusal,
  from: string,
  { failures, log, now }: SessionRouteDeps,
  audit: Audit,
): Promise<void> {
  // A provider that is down is nobody's guess.
  if (status === 400) failures.failed(from, now())
  log.warn({ event: 'token-refused', code, error, from }, `no token: ${message}`)
  await audit({ event: 'session-refused', code }, { from })
}

const SLOW_DOWN: TokenRefusal = {
  status: 429,
  error: 'slow_down',
  code: 'ERR_RATE_LIMITED',
  message: 'too many requests from this address have failed',
  isFault: false,
}

function answerRefusal(
  context: Context,
  { status, error, code, message, waitMs }: TokenRefusal & { readonly waitMs?: number },
): Response {
  if (waitMs !== undefined) context.header('retry-after', String(Math.ceil(waitMs / 1000)))
  const body: TokenErrorResponse = { error, error_description: message, code }
  return context.json(body, status)
}
