import { STATUS_CODES } from 'node:http'
import type { ResetCode } from '../../tunnel/codes.ts'
import { outcomeOf } from './outcome.ts'

/** An answer of the proxy's own, not an origin's. */
export interface OwnAnswer {
  readonly status: number
  /** Flat name and value. */
  readonly fields: readonly string[]
  readonly body: string
}

/** Why a destination was not reached: the sentence as the body, RFC 9209 for programs. */
export function refusalAnswer(code: ResetCode, sentence: string): OwnAnswer {
  const { http, proxyStatus } = outcomeOf(code)
  const details = sentence.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')
  const status = `byname; error=${proxyStatus}; details="${details}"`
  return answer(http, sentence, ['Proxy-Status', status])
}

export function credentialAnswer(isProxyRequest: boolean): OwnAnswer {
  const challenge = 'Basic realm="byname"'
  return isProxyRequest
    ? answer(407, 'this proxy needs its credential', ['Proxy-Authenticate', challenge])
    : answer(401, 'this proxy needs its credential', ['WWW-Authenticate', challenge])
}

/** Plain text that no page can read, embed or run: no CORS field is ever set. */
export function answer(status: number, sentence: string, more: readonly string[] = []): OwnAnswer {
  const body = `byname: ${sentence}\n`
  const length = String(Buffer.byteLength(body))
  const fields = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', length]
  return { status, fields: [...fields, ...GUARD, ...more], body }
}

export function pacAnswer(body: string): OwnAnswer {
  const length = String(Buffer.byteLength(body))
  const fields = ['Content-Type', 'application/x-ns-proxy-autoconfig', 'Content-Length', length]
  return { status: 200, fields: [...fields, ...GUARD], body }
}

/** The whole answer as bytes, for a socket that CONNECT has taken from the parser; closes after it. */
export function formatAnswer({ status, fields, body }: OwnAnswer): string {
  const lines = fields.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${fields[at + 1]}`] : []))
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, 'Connection: close']
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

const GUARD = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Cache-Control', 'no-store'],
].flat()
