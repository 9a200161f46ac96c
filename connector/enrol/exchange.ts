import https from 'node:https'
import {
  isOverAgreement,
  KEY_AGREEMENTS,
  NotPostQuantum,
  POST_QUANTUM_ONLY,
} from '../../tunnel/link.ts'
import { EnrolError } from './error.ts'

export interface Question {
  /** Whole URL. */
  readonly url: string
  /** PEM of the one CA that is trusted; `any`: whoever answers, so nothing secret may be in it. */
  readonly trust: { readonly ca: string } | 'any'
  readonly route: Route
  /** JSON to POST; a GET without. */
  readonly body?: unknown
}

/** How the edge is reached. */
export interface Route {
  /** `http://[user:password@]host:port` of the CONNECT proxy in front. */
  readonly proxy: string | undefined
  readonly requiresPostQuantum?: boolean
}

export interface Answer {
  readonly status: number
  /** The JSON of the answer; `undefined` when it is none. */
  readonly body: unknown
}

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 256 * 1024

/**
 * One request to the edge, before there is a tunnel.
 * @throws {EnrolError} ERR_EDGE_UNREACHABLE; {NotPostQuantum}
 */
export function exchange({ url, trust, route, body }: Question): Promise<Answer> {
  const { proxy, requiresPostQuantum } = route
  const agreements = requiresPostQuantum ? POST_QUANTUM_ONLY : KEY_AGREEMENTS
  const agent = new https.Agent(proxy ? { proxyEnv: { HTTPS_PROXY: proxy } } : {})
  const asked = https.request(url, {
    agent,
    minVersion: 'TLSv1.3',
    ecdhCurve: agreements,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(trust === 'any' ? { rejectUnauthorized: false } : { ca: trust.ca }),
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' } }),
  })
  return new Promise<Answer>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(
        isOverAgreement(agreements, error.message)
          ? new NotPostQuantum(url)
          : unreachable(url, error),
      )
    asked.on('error', fail)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('its answer is too long'))
      })
      response.on('error', fail)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks)) })
      })
    })
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  }).finally(() => agent.destroy())
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(String(bytes))
  } catch {
    return undefined
  }
}

const unreachable = (url: string, { code, message }: NodeJS.ErrnoException) =>
  new EnrolError('ERR_EDGE_UNREACHABLE', `the edge at ${new URL(url).origin} cannot be reached`, {
    why: code ?? message,
    fix: 'see whether that address is right, and whether the edge runs there',
  })
