import { Agent, type RequestOptions, request } from 'node:https'
import { IdentityError } from '../../identity/error.ts'
import type { TokenRequest } from '../../identity/exchange.ts'
import { isOverAgreement, KEY_AGREEMENTS, NotPostQuantum } from '../../tunnel/link.ts'

/** Makes one POST to the edge, trusting nothing but its own CA. */
export type Post = (
  ask: TokenRequest,
  caPem: string,
) => Promise<{ readonly status: number; readonly text: string }>

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * @param proxy `http://[user:password@]host:port` of the CONNECT proxy in front of the edge
 * @param agreements OpenSSL group list that is offered
 * @throws {IdentityError} ERR_EDGE_UNREACHABLE; {NotPostQuantum}
 */
export function makePost(proxy?: string, agreements = KEY_AGREEMENTS): Post {
  const agent = new Agent(proxy ? { proxyEnv: { HTTPS_PROXY: proxy } } : {})
  return async (ask, caPem) => {
    try {
      return await postOnce(ask, { ca: caPem, ecdhCurve: agreements, agent })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (isOverAgreement(agreements, message)) throw new NotPostQuantum(ask.url)
      throw new IdentityError(
        'ERR_EDGE_UNREACHABLE',
        `${new URL(ask.url).origin} cannot be reached: ${code ?? message}`,
      )
    }
  }
}

function postOnce(ask: TokenRequest, tls: Pick<RequestOptions, 'ca' | 'ecdhCurve' | 'agent'>) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const outgoing = request(
      ask.url,
      { method: 'POST', headers: ask.headers, minVersion: 'TLSv1.3', signal, ...tls },
      (answer) => {
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          chunks.push(chunk)
          if (bytes > MAX_ANSWER_BYTES) answer.destroy(new Error('its answer is too long'))
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        )
        answer.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(ask.body)
  })
}
