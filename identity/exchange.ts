import { makeDpop } from './dpop-proof.ts'
import { IdentityError } from './error.ts'
import type { DeviceKey } from './key.ts'
import {
  type DeviceFacts,
  type ExchangeForm,
  GRANT,
  PATHS,
  type RenewForm,
  TOKEN_TYPE,
  type TokenErrorResponse,
  type TokenResponse,
} from './wire.ts'

/** A POST to make, whoever makes it: client, connector of a service, the demo. */
export interface TokenRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The request that turns a trusted issuer's ID token into a session bound to `key`. */
export async function exchangeRequest(ask: {
  readonly edgeUrl: string
  readonly key: DeviceKey
  readonly idToken: string
  readonly device?: DeviceFacts
  readonly now: number
}): Promise<TokenRequest> {
  return tokenRequest(ask, {
    grant_type: GRANT.exchange,
    subject_token: ask.idToken,
    subject_token_type: TOKEN_TYPE.idToken,
    ...(ask.device ? { device: JSON.stringify(ask.device) } : {}),
  })
}

/** The request for a fresh token of a session that `key` holds. */
export async function renewRequest(ask: {
  readonly edgeUrl: string
  readonly key: DeviceKey
  readonly sessionId: string
  readonly now: number
}): Promise<TokenRequest> {
  return tokenRequest(ask, { grant_type: GRANT.renew, refresh_token: ask.sessionId })
}

/** The edge said no: its OAuth error, its own code, and the sentence it gave. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  /** Our code, such as ERR_SESSION_ENDED. */
  readonly code: string
  readonly error: string
  readonly status: number
  constructor(status: number, answer: TokenErrorResponse) {
    super(answer.error_description)
    this.code = answer.code
    this.error = answer.error
    this.status = status
  }
}

/**
 * The edge's answer to either request.
 * @throws {TokenRefused} for a refusal
 * @throws {IdentityError} ERR_EDGE_ANSWER for what no edge of ours would say
 */
export function readTokenAnswer(status: number, text: string): TokenResponse {
  const answer = parseObject(text)
  if (status === 200 && isTokenResponse(answer)) return answer as unknown as TokenResponse
  if (status >= 400 && isTokenError(answer)) {
    throw new TokenRefused(status, answer as unknown as TokenErrorResponse)
  }
  throw badAnswer(status)
}

async function tokenRequest(
  ask: { readonly edgeUrl: string; readonly key: DeviceKey; readonly now: number },
  form: ExchangeForm | RenewForm,
): Promise<TokenRequest> {
  const url = new URL(PATHS.token, ask.edgeUrl).href
  return {
    url,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      dpop: await makeDpop(ask.key, { method: 'POST', url }, ask.now),
    },
    body: new URLSearchParams({ ...form }).toString(),
  }
}

function isTokenResponse(answer: Record<string, unknown>): boolean {
  const more = (answer.byname ?? {}) as Record<string, unknown>
  const person = (more.person ?? {}) as Record<string, unknown>
  const strings = [answer.access_token, more.sessionId, more.deployment]
  const times = [more.expiresAt, more.sessionExpiresAt]
  return (
    more.schema === 1 &&
    [...strings, person.issuer, person.subject].every((text) => typeof text === 'string') &&
    times.every(Number.isSafeInteger)
  )
}

function isTokenError(answer: Record<string, unknown>): boolean {
  const { error, error_description: description, code } = answer
  return [error, description, code].every((text) => typeof text === 'string')
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {}
  return {}
}

function badAnswer(status: number): IdentityError {
  return new IdentityError(
    'ERR_EDGE_ANSWER',
    `the edge gave an answer (${status}) that makes no sense`,
  )
}
