const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 5_000

/**
 * Fetches a JSON document of at most 256 KiB within 5 s; redirects are not followed, for the address
 * in the settings is the one that is trusted.
 */
export async function fetchJwks(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const answer = await fetch(url, {
    signal,
    redirect: 'error',
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (!answer.ok || answer.body === null) throw new Error(`${url} answered ${answer.status}`)
  return JSON.parse(await readBounded(answer.body))
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes of keys`)
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}
