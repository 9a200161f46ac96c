/**
 * Why a flow or a tunnel was refused, reset or closed (SPEC.md §9). The number is what travels: in
 * REFUSED, RESET, DETACHED and GOAWAY, and plus 4000 as the WebSocket close code.
 */
export const RESET_CODES = {
  cancelled: 1,
  'policy-denied': 2,
  unmet: 3,
  'no-such-name': 4,
  'not-published': 5,
  'connector-down': 6,
  'origin-refused': 7,
  'origin-timeout': 8,
  'origin-unreachable': 9,
  'origin-no-such-name': 10,
  'origin-dns-failed': 11,
  'origin-forbidden': 12,
  'origin-reset': 13,
  'policy-changed': 14,
  'session-revoked': 15,
  'session-expired': 16,
  'connector-revoked': 17,
  'tunnel-lost': 18,
  'resume-mismatch': 19,
  'connector-not-here': 20,
  'detached-too-long': 21,
  'flow-control': 22,
  'protocol-error': 23,
  'rate-limited': 24,
  'over-budget': 25,
  unsupported: 26,
  'shutting-down': 27,
  internal: 28,
  'not-authenticated': 29,
  /** Only in answer to a RESUME: the flow had ended in order before. */
  done: 30,
} as const

export type ResetCode = keyof typeof RESET_CODES

const BY_NUMBER = new Map<number, ResetCode>(
  Object.entries(RESET_CODES).map(([code, number]) => [number, code as ResetCode]),
)

export const numberOfCode = (code: ResetCode): number => RESET_CODES[code]

/** A number that this version does not know reads as `internal`: a later peer may have more codes. */
export const codeOfNumber = (number: number): ResetCode => BY_NUMBER.get(number) ?? 'internal'

export const isResetCode = (text: string): text is ResetCode => Object.hasOwn(RESET_CODES, text)

/** WebSocket close codes 4000–4999 are for private use (RFC 6455 §7.4.2). */
export const closeCodeOf = (code: ResetCode): number => 4000 + RESET_CODES[code]

export function codeOfClose(closeCode: number): ResetCode | undefined {
  return BY_NUMBER.get(closeCode - 4000)
}

/** A peer broke the protocol: `code` is what the tunnel is closed with, `facts` go to the log. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError'
  readonly code: ResetCode
  readonly facts: Readonly<Record<string, string | number>>
  constructor(code: ResetCode, message: string, facts: Record<string, string | number> = {}) {
    super(message)
    this.code = code
    this.facts = facts
  }
}
