import { isResetCode, type ResetCode } from '../../tunnel/codes.ts'
import { NotPostQuantum } from '../../tunnel/link.ts'
import { SessionOver } from '../session.ts'

/** What a failed attempt, or the end of a tunnel, asks of the client. */
export type Verdict =
  /** Nothing helps but a new sign-in. */
  | { readonly kind: 'over'; readonly code: ResetCode; readonly reason: string }
  /** The token was not taken: fetch another before the next attempt. */
  | { readonly kind: 'renew'; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly cause?: NotPostQuantum }

/** Of anything thrown by an attempt (TunnelError, IdentityError, SessionOver, system errors). */
export function verdictOfError(error: unknown): Verdict {
  if (error instanceof SessionOver) {
    return { kind: 'over', code: 'session-expired', reason: `${error.message}: ${error.why}` }
  }
  if (error instanceof NotPostQuantum) {
    return { kind: 'retry', reason: `${error.message}: ${error.why}`, cause: error }
  }
  const { code, message } = error as { code?: unknown; message?: unknown }
  const known = typeof code === 'string' && isResetCode(code) ? code : 'tunnel-lost'
  return verdictOfEnd(known, String(message ?? code))
}

/** Of the code that the edge closed a tunnel with. */
export function verdictOfEnd(code: ResetCode, reason: string): Verdict {
  switch (code) {
    case 'session-revoked':
      return { kind: 'over', code, reason }
    case 'session-expired':
    case 'not-authenticated':
      return { kind: 'renew', reason }
    default:
      return { kind: 'retry', reason }
  }
}
