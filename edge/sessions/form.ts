import { type DeviceFacts, GRANT, TOKEN_TYPE } from '../../identity/wire.ts'

/** What is asked at the token endpoint. */
export type TokenForm =
  | { readonly kind: 'exchange'; readonly idToken: string; readonly device: DeviceFacts }
  | { readonly kind: 'renew'; readonly sessionId: string }

/** A request that asks for nothing we know; `error` as RFC 6749 §5.2 and RFC 8693 §2.2.2 name it. */
export class FormError extends Error {
  override readonly name = 'FormError'
  readonly code = 'ERR_TOKEN_REQUEST'
  readonly error: 'invalid_request' | 'unsupported_grant_type'
  constructor(error: FormError['error'], what: string) {
    super(what)
    this.error = error
  }
}

/**
 * Reads the form of POST /auth/token. Fields we do not know are ignored, none may be there twice
 * (RFC 6749 §3.2).
 * @throws {FormError}
 */
export function parseForm(body: string): TokenForm {
  const fields = new URLSearchParams(body)
  const names = [...fields.keys()]
  if (new Set(names).size !== names.length) throw bad('a field is there twice')
  switch (fields.get('grant_type')) {
    case GRANT.exchange:
      return parseExchange(fields)
    case GRANT.renew:
      return { kind: 'renew', sessionId: required(fields, 'refresh_token') }
    case null:
      throw bad('grant_type is missing')
    default:
      throw new FormError('unsupported_grant_type', 'this grant_type is not known here')
  }
}

function parseExchange(fields: URLSearchParams): TokenForm {
  if (required(fields, 'subject_token_type') !== TOKEN_TYPE.idToken) {
    throw bad('subject_token_type must be that of an ID token')
  }
  const wanted = fields.get('requested_token_type') ?? TOKEN_TYPE.accessToken
  if (wanted !== TOKEN_TYPE.accessToken) throw bad('only access tokens are given out')
  const idToken = required(fields, 'subject_token')
  return { kind: 'exchange', idToken, device: parseDevice(fields.get('device')) }
}

const FACTS = ['hostName', 'os', 'version'] as const

/** Three short texts at most, whatever else the device says. */
function parseDevice(text: string | null): DeviceFacts {
  if (text === null) return {}
  if (text.length > 1024) throw bad('device is too long')
  const facts = parseObject(text)
  const known = FACTS.flatMap((name) => {
    const value = facts[name]
    return typeof value === 'string' ? [[name, value.slice(0, 128)] as const] : []
  })
  return Object.fromEntries(known)
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {}
  throw bad('device is not a JSON object')
}

function required(fields: URLSearchParams, name: string): string {
  const value = fields.get(name)
  if (value) return value
  throw bad(`${name} is missing`)
}

function bad(what: string): FormError {
  return new FormError('invalid_request', what)
}
