import type { ResetCode } from '../../tunnel/codes.ts'

/** How a proxy says that a destination was not reached: one row for each reason (docs/client.md). */
export interface Outcome {
  /** RFC 1928 §6. */
  readonly socks5: number
  readonly http: number
  /** RFC 9209 §2.3: the error of the Proxy-Status field. */
  readonly proxyStatus: string
}

export function outcomeOf(code: ResetCode): Outcome {
  return OUTCOMES[code] ?? GENERAL
}

/** What an error of connect(2) or getaddrinfo(3) means in the same words, for names that are not ours. */
export function codeOfError(error: NodeJS.ErrnoException): ResetCode {
  return BY_ERRNO[error.code ?? ''] ?? 'internal'
}

const outcome = (socks5: number, http: number, proxyStatus: string): Outcome => ({
  socks5,
  http,
  proxyStatus,
})

const DENIED = outcome(0x02, 403, 'http_request_denied')
const NO_NAME = outcome(0x04, 502, 'dns_error')
const NOT_NOW = outcome(0x03, 503, 'destination_unavailable')
const GENERAL = outcome(0x01, 502, 'proxy_internal_error')

const OUTCOMES: Partial<Record<ResetCode, Outcome>> = {
  'policy-denied': DENIED,
  unmet: DENIED,
  'policy-changed': DENIED,
  'session-revoked': DENIED,
  'session-expired': DENIED,
  'origin-forbidden': outcome(0x02, 403, 'destination_ip_prohibited'),
  'no-such-name': NO_NAME,
  'origin-no-such-name': NO_NAME,
  'origin-dns-failed': NO_NAME,
  'not-published': outcome(0x05, 502, 'destination_not_found'),
  'connector-down': NOT_NOW,
  'connector-revoked': NOT_NOW,
  'tunnel-lost': NOT_NOW,
  'shutting-down': NOT_NOW,
  'origin-refused': outcome(0x05, 502, 'connection_refused'),
  'origin-unreachable': outcome(0x04, 502, 'destination_ip_unroutable'),
  'origin-timeout': outcome(0x06, 504, 'connection_timeout'),
  'origin-reset': outcome(0x01, 502, 'connection_terminated'),
  unsupported: outcome(0x07, 501, 'http_request_error'),
  'rate-limited': outcome(0x01, 503, 'connection_limit_reached'),
  'over-budget': outcome(0x01, 503, 'connection_limit_reached'),
}

const BY_ERRNO: Record<string, ResetCode> = {
  ENOTFOUND: 'no-such-name',
  EAI_AGAIN: 'origin-dns-failed',
  ECONNREFUSED: 'origin-refused',
  ECONNRESET: 'origin-reset',
  ETIMEDOUT: 'origin-timeout',
  EHOSTUNREACH: 'origin-unreachable',
  ENETUNREACH: 'origin-unreachable',
  EACCES: 'origin-forbidden',
  EPERM: 'origin-forbidden',
}
