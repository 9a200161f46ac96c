import http from 'node:http'
import https from 'node:https'

export interface Ask {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** With a body it is a POST, without one a GET. */
  readonly body?: string
  /** The one CA that is trusted, for https. */
  readonly caPem?: string
}

export interface Answer {
  readonly status: number
  readonly text: string
}

const TIMEOUT_MS = 10_000
const MAX_BYTES = 64 * 1024

/** One bounded request, as a client on this machine would make it. */
export function ask({ url, headers = {}, body, caPem }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const options = { method, headers, timeout: TIMEOUT_MS, agent: false }
    const request =
      caPem === undefined
        ? http.request(url, options)
        : https.request(url, { ...options, ca: caPem })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > MAX_BYTES) response.destroy(new Error('the answer is too long'))
      })
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, text })
      })
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer in time`)))
    request.on('error', reject)
    request.end(body)
  })
}
